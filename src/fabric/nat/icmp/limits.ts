/** An echo flow lives this long after its last message (RFC 5508 REQ-2: at least 60 s). */
export const ECHO_IDLE_MS = 60_000;
/** How often idle flows are looked for. */
export const SWEEP_MS = 10_000;

export interface EchoLimits {
  /** Echo flows, each a socket of the host; the one idle longest makes room. */
  readonly maxFlowsPerNetwork: number;
  /** Addresses that may answer one flow. */
  readonly maxRemotes: number;
}

export const DEFAULT_ECHO_LIMITS: EchoLimits = { maxFlowsPerNetwork: 256, maxRemotes: 256 };
