/** Numbers of the TCP endpoint, each with where it comes from. Times in milliseconds, sizes in bytes. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** Retransmission time-out before the first sample (RFC 6298 section 2.1). */
export const INITIAL_RTO_MS = SECOND_MS;
/**
 * The least that the time-out adds to the smoothed round-trip time. RFC 6298 section 2.4 wants 1 s in all, for clocks
 * that tick in half seconds and acknowledgements delayed that long; ours tick in microseconds, and guests delay by
 * 200 ms at most: like Linux (TCP_RTO_MIN).
 */
export const MIN_RTO_VARIATION_MS = 200;
/** RFC 6298 section 2.5 allows any upper bound of at least 60 s. */
export const MAX_RTO_MS = MINUTE_MS;
/** R2: data unacknowledged for this long means that the guest is gone (RFC 9293 section 3.8.3: at least 100 s). */
export const GIVE_UP_MS = 4 * MINUTE_MS;
/** A SYN-ACK is repeated for as long as RFC 5382 REQ-5 lets a half-open connection live. */
export const HANDSHAKE_GIVE_UP_MS = 4 * MINUTE_MS;
/** A SYN to a machine behind a forward; the client waits meanwhile, so it is told soon. */
export const FORWARD_GIVE_UP_MS = 10 * SECOND_MS;
/** 2 MSL. RFC 9293 names 4 min and leaves the choice; like Linux, 60 s. */
export const TIME_WAIT_MS = MINUTE_MS;
/** An open connection may be silent for 2 h 4 min (RFC 5382 REQ-5); the last 4 min are spent asking the guest. */
export const KEEP_ALIVE_AFTER_MS = 120 * MINUTE_MS;
export const ESTABLISHED_IDLE_MS = 124 * MINUTE_MS;
export const KEEP_ALIVE_INTERVAL_MS = 30 * SECOND_MS;
/**
 * How long the acknowledgement of less than two segments may wait for data to travel with (RFC 9293 section
 * 3.8.6.3: less than 500). Short, because a guest with Nagle's algorithm waits for it.
 */
export const DELAYED_ACK_MS = 5;
/** How soon to look again when the port's queue was full, or more data was expected, and nothing else would tell. */
export const SEND_AGAIN_MS = 1;
/** Duplicate acknowledgements, or blocks beyond a hole, that mean loss (RFC 5681 section 3.2, RFC 6675 section 2). */
export const LOSS_THRESHOLD = 3;
/** Challenge acknowledgements of one flow per second (RFC 5961 section 7). */
export const CHALLENGE_ACKS_PER_SECOND = 10;

/** MSS of a peer that names none (RFC 9293 section 3.7.1, MUST-15). */
export const DEFAULT_MSS_BYTES = { 4: 536, 6: 1220 } as const;
/** A smaller MSS than any real link has is taken for this, so that headers cannot outweigh payload without end. */
export const MIN_MSS_BYTES = 88;
/** Window scale we announce (RFC 7323): 64 KiB << 4 = 1 MiB, the largest window below, in steps of 16 bytes. */
export const WINDOW_SHIFT = 4;
/** What rounding to those steps may add to a window in all, so that its edge need not move back. */
export const WINDOW_ROUNDING_BYTES = 4096;
export const MAX_UNSCALED_WINDOW_BYTES = 65_535;
/** Initial congestion window in segments (RFC 6928). */
export const INITIAL_WINDOW_SEGMENTS = 10;

/** Bounds that tests and small machines may lower. */
export interface TcpLimits {
  readonly maxFlowsPerNetwork: number;
  readonly maxFlowsPerGuest: number;
  /** Flows that a guest has begun and whose handshake is under way; the oldest makes room for a new one. */
  readonly maxHalfOpenPerNetwork: number;
  readonly maxHalfOpenPerGuest: number;
  /** Payload kept for the guest until acknowledged: first size and greatest. Powers of two. */
  readonly sendRingBytes: number;
  readonly maxSendRingBytes: number;
  /** Window offered to the guest: what it may have under way and not yet taken by the host. */
  readonly receiveBytes: number;
  readonly maxReceiveBytes: number;
  /** What rings and windows of all flows together may grow by beyond their first size. */
  readonly growthBytes: number;
  /** Out-of-order segments kept for one flow; their bytes are bounded by the window. */
  readonly maxReassemblySegments: number;
  /** Above this much waiting in the guest's port nothing more is sent to it. */
  readonly portQueueBytes: number;
}

/**
 * Memory of one flow: at most `sendRingBytes + receiveBytes` (96 KiB) and a chunk of 64 KiB while the host does
 * not read; growth beyond that comes out of `growthBytes`, shared by all flows of the fabric.
 */
export const DEFAULT_TCP_LIMITS: TcpLimits = {
  maxFlowsPerNetwork: 4096,
  maxFlowsPerGuest: 2048,
  maxHalfOpenPerNetwork: 1024,
  maxHalfOpenPerGuest: 512,
  sendRingBytes: 1 << 15,
  maxSendRingBytes: 1 << 20,
  receiveBytes: 1 << 16,
  maxReceiveBytes: 1 << 20,
  growthBytes: 1 << 28,
  maxReassemblySegments: 256,
  portQueueBytes: 1 << 18,
};

/** A sum that all flows draw on. */
export class MemoryBudget {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#freeBytes += bytes;
  }
}
