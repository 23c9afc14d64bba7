/**
 * What the guest may send (RFC 9293 section 3.8.6). The offer is the capacity less what the host has not yet taken; the
 * right edge never moves back. Updates are held until they are worth a segment (section 3.8.6.2.2, silly windows).
 */
import { sequenceAdd, sequenceDistance } from '../../../wire/tcp.js';
import { MAX_UNSCALED_WINDOW_BYTES, WINDOW_ROUNDING_BYTES, WINDOW_SHIFT } from './limits.js';

export class ReceiveWindow {
  /** RCV.NXT */
  next: number;
  capacityBytes: number;
  /** 0 when the guest does not scale windows (RFC 7323 section 2.2). */
  readonly shift: number;
  /** The right edge: the sequence number behind the last byte offered. */
  #edge: number;

  /** @param next the sequence number behind the guest's SYN. */
  constructor(next: number, capacityBytes: number, scaled: boolean) {
    this.next = next;
    this.shift = scaled ? WINDOW_SHIFT : 0;
    this.capacityBytes = scaled ? capacityBytes : Math.min(capacityBytes, MAX_UNSCALED_WINDOW_BYTES);
    this.#edge = next;
  }

  /** Bytes the guest may still send. */
  get openBytes(): number {
    return sequenceDistance(this.#edge, this.next);
  }

  /** The acceptance test of section 3.10.7.4, table 6. @param bytes sequence numbers that the segment takes. */
  accepts(sequence: number, bytes: number): boolean {
    const offset = sequenceDistance(sequence, this.next);
    const open = this.openBytes;
    if (bytes === 0) return open === 0 ? offset === 0 : offset >= 0 && offset < open;
    return open > 0 && offset < open && offset + bytes > 0;
  }

  /** Moves the edge. @returns the window field of a segment that leaves now. */
  offer(queuedBytes: number, segmentBytes: number): number {
    const field = this.#offerableBytes(queuedBytes, segmentBytes) >>> this.shift;
    const edge = sequenceAdd(this.next, field << this.shift);
    // Data up to an edge that was named once is taken even if rounding names a lower one.
    if (sequenceDistance(edge, this.#edge) > 0) this.#edge = edge;
    return field;
  }

  /** Moves the edge of a SYN, whose window is never scaled (RFC 7323 section 2.2). */
  offerUnscaled(): number {
    const field = Math.min(this.capacityBytes, MAX_UNSCALED_WINDOW_BYTES);
    this.#edge = sequenceAdd(this.next, field);
    return field;
  }

  /** Whether the guest should be told that it may send more: it holds less than half of what it could have. */
  updateDue(queuedBytes: number, segmentBytes: number): boolean {
    const open = this.openBytes;
    return (
      open < this.capacityBytes >>> 1 &&
      this.#offerableBytes(queuedBytes, segmentBytes) - open >= 1 << this.shift
    );
  }

  /** Capacity less what waits if that opens the window by a segment; else what stands offered, rounded up. */
  #offerableBytes(queuedBytes: number, segmentBytes: number): number {
    const open = this.openBytes;
    const most = MAX_UNSCALED_WINDOW_BYTES << this.shift;
    const wanted = Math.min(this.capacityBytes - queuedBytes, most);
    if (wanted - open >= Math.min(segmentBytes, this.capacityBytes >>> 1)) return wanted;
    const step = (1 << this.shift) - 1;
    const rounded = Math.min((open + step) & ~step, most);
    return rounded - wanted <= WINDOW_ROUNDING_BYTES ? rounded : open;
  }
}
