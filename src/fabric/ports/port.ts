/**
 * The one seam of the data plane. A network's switch joins ports; a guest's NIC, the network's gateway and an overlay
 * tunnel are all ports.
 *
 * Frames travel as QEMU frames them on a stream: u32 big-endian length, then the Ethernet frame, no FCS. Since the
 * framing is the same on both sides, a run of frames to one destination is one contiguous byte range, moved as one
 * write without a copy. A producer reads a batch (as much as one read gave), the switch hands ranges of it to ports with
 * `offer`, then calls `flush` once on each port that was offered something. A port that still needs the bytes after
 * `flush` sets `retained`, and the producer leaves that buffer alone and takes another.
 */
import type { OffloadTable } from '../offload/offload-table.js';

/** One buffer of frames. */
export interface FrameBatch {
  readonly bytes: Buffer;
  retained: boolean;
  /** Called by each port that set `retained`, once it needs the bytes no more: the buffer may be used again. */
  release?(): void;
  /** What frames of this batch leave to their receiver; absent: nothing. Only ports with `takesOffloads` see it. */
  readonly offloads?: OffloadTable;
}

/** Size of the length that stands before each frame, bytes. */
export const FRAME_HEADER_BYTES = 4;
/** Largest frame QEMU accepts on a stream (NET_BUFSIZE, net/net.h), bytes. */
export const MAX_FRAME_BYTES = 69_632;
/** Smallest frame that has both addresses and a type, bytes. */
export const MIN_FRAME_BYTES = 14;

export interface PortCounters {
  /** What the port gave the switch. */
  rxFrames: number;
  rxBytes: number;
  /** What the switch gave the port and the port passed on. */
  txFrames: number;
  txBytes: number;
  /** Frames refused, by reason: `spoofed-mac`, `queue-full`, `not-connected`, … */
  readonly drops: Map<string, number>;
}

export interface Port {
  readonly id: string;
  readonly counters: PortCounters;
  /** Something is plugged in; absent where something always is. */
  readonly isConnected?: boolean;
  /** Bytes that were offered and wait to be passed on; absent where nothing ever waits. */
  readonly queuedBytes?: number;
  /** The far side puts in checksums and cuts segments itself, as the batch's `offloads` say. */
  readonly takesOffloads?: boolean;
  /** So much waits that whoever sends to this port had better stop for a while; absent where nothing ever waits. */
  readonly isCongested?: boolean;
  /** Calls back once, when little waits any more. */
  whenDrained?(then: () => void): void;
  /** Takes whole frames, framing included: bytes [start, end) of the batch, `frameCount` of them. */
  offer(batch: FrameBatch, start: number, end: number, frameCount: number): void;
  /** The batch is over: pass on what was offered. */
  flush(): void;
}

/** What a port hands its batches to: the switch of its network. */
export interface FrameSink {
  /**
   * Bytes [start, end) of the batch hold whole frames, framing included.
   * @returns a congested port that frames went to, if there is one.
   */
  forward(ingress: Port, batch: FrameBatch, start: number, end: number): Port | void;
}
