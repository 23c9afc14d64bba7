/**
 * Tells what became of each frame that one port sends. Theory of operation: a watch stands between the port and the
 * switch and hands frames on one by one. All that refuses a frame counts it by its reason, and within the same call: the
 * counter that has grown when the call returns is the reason. What is refused later (no route from a neighbour network,
 * a connection that the far side refuses) is told to the machine by ICMP or TCP, and not here.
 */
import { FRAME_HEADER_BYTES, type FrameBatch, type FrameSink, type Port } from '../ports/port.js';

/** Counters by reason that may grow while a frame is taken. */
export type Counters = () => Iterable<ReadonlyMap<string, number>>;

export interface WatchedFrame {
  /** The frame; valid only during the call. */
  readonly bytes: Buffer;
  /** Why it was refused; absent: it was not. */
  readonly reason?: string;
}

export class FrameWatch implements FrameSink {
  readonly #inner: FrameSink;
  readonly #counters: Counters;
  readonly watchers = new Set<(frame: WatchedFrame) => void>();

  constructor(inner: FrameSink, counters: Counters) {
    this.#inner = inner;
    this.#counters = counters;
  }

  forward(ingress: Port, batch: FrameBatch, start: number, end: number): Port | undefined {
    let congested: Port | undefined;
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      const next = frame + batch.bytes.readUInt32BE(position);
      const before = this.#snapshot();
      congested = this.#inner.forward(ingress, batch, position, next) ?? congested;
      const reason = this.#grownSince(before);
      const told = { bytes: batch.bytes.subarray(frame, next), ...(reason !== undefined && { reason }) };
      for (const watcher of this.watchers) watcher(told);
      position = next;
    }
    return congested;
  }

  #snapshot(): ReadonlyMap<string, number>[] {
    return Array.from(this.#counters(), (counts) => new Map(counts));
  }

  #grownSince(before: readonly ReadonlyMap<string, number>[]): string | undefined {
    let index = 0;
    for (const counts of this.#counters()) {
      const earlier = before[index++];
      for (const [reason, count] of counts) if (count > (earlier?.get(reason) ?? 0)) return reason;
    }
    return undefined;
  }
}
