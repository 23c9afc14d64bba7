/** Numbers of the UDP part, each with where it comes from. */

/** A mapping lives this long after its last datagram (RFC 4787 REQ-5: at least 2 min, 5 min recommended). */
export const MAPPING_IDLE_MS = 300_000;
/** One that only spoke to DNS servers: one question, one answer (RFC 4787 REQ-5 a allows less for well-known ports). */
export const DNS_MAPPING_IDLE_MS = 30_000;
export const DNS_PORT = 53;
/** A TFTP server answers from another port than it was asked on (RFC 1350 section 4). */
export const TFTP_PORT = 69;
/** How often idle mappings are looked for. */
export const SWEEP_MS = 10_000;
/** Where host ports are chosen from (RFC 6335 section 6 begins at 49152; Linux hands out these). */
export const FIRST_HOST_PORT = 32_768;
export const LAST_HOST_PORT = 60_999;

export interface UdpLimits {
  /** Mappings, each a socket of the host; the one idle longest makes room. */
  readonly maxMappingsPerNetwork: number;
  readonly maxMappingsPerGuest: number;
  /** Addresses that may answer one mapping; the one spoken to longest ago makes room. */
  readonly maxRemotes: number;
  /** Clients of one forwarded port. */
  readonly maxClients: number;
  /** Above this much waiting in the guest's port datagrams are dropped, as any router does. */
  readonly portQueueBytes: number;
}

export const DEFAULT_UDP_LIMITS: UdpLimits = {
  maxMappingsPerNetwork: 2048,
  maxMappingsPerGuest: 1024,
  maxRemotes: 256,
  maxClients: 1024,
  portQueueBytes: 1 << 20,
};
