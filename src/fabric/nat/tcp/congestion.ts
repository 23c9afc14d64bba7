/**
 * How much may be under way: slow start, congestion avoidance, and recovery by NewReno or, with a guest that
 * acknowledges selectively, by what is still in the network (RFC 5681, 6582, 6675, 6928, 3042).
 *
 * A guest on this host loses nothing unless its port overflows, and then opens its window faster than this one;
 * the code earns its keep with guests behind an overlay or a nested router. All sizes in bytes.
 */
import { sequenceAfter } from '../../../wire/tcp.js';
import { INITIAL_WINDOW_SEGMENTS, LOSS_THRESHOLD } from './limits.js';

export class Congestion {
  readonly #mssBytes: number;
  readonly #maxBytes: number;
  readonly #selective: boolean;
  #windowBytes: number;
  #slowStartThreshold: number;
  #duplicates = 0;
  /** Highest sequence number sent when loss was noticed; undefined outside recovery. */
  #recover: number | undefined;
  /** Losses up to here were dealt with already (RFC 6582 section 3.2 step 1); undefined once acknowledged. */
  #settled: number | undefined;

  /**
   * @param maxBytes beyond which growth is of no use.
   * @param selective the guest tells what it holds, so that the window need not guess at it.
   */
  constructor(mssBytes: number, maxBytes: number, selective: boolean) {
    this.#mssBytes = mssBytes;
    this.#maxBytes = maxBytes;
    this.#selective = selective;
    this.#windowBytes = INITIAL_WINDOW_SEGMENTS * mssBytes;
    this.#slowStartThreshold = maxBytes;
  }

  get recovering(): boolean {
    return this.#recover !== undefined;
  }

  /** The window, widened for the first duplicates so that they bring more (limited transmit, RFC 3042). */
  get windowBytes(): number {
    return this.#recover === undefined
      ? this.#windowBytes + Math.min(this.#duplicates, LOSS_THRESHOLD - 1) * this.#mssBytes
      : this.#windowBytes;
  }

  /**
   * New data was acknowledged.
   * @param bytes newly acknowledged.
   * @param flightBytes still under way.
   * @returns true when the segment at `acknowledgement` is lost too (a partial acknowledgement) and must go out again.
   */
  acknowledged(acknowledgement: number, bytes: number, flightBytes: number): boolean {
    this.#duplicates = 0;
    if (this.#settled !== undefined && !sequenceAfter(this.#settled, acknowledgement))
      this.#settled = undefined;
    if (this.#recover === undefined) {
      this.#grow(bytes);
      return false;
    }
    if (sequenceAfter(this.#recover, acknowledgement)) {
      if (!this.#selective) this.#windowBytes = Math.max(this.#windowBytes - bytes, 0) + this.#mssBytes;
      return true;
    }
    this.#recover = undefined;
    this.#windowBytes = this.#selective
      ? this.#slowStartThreshold
      : Math.min(this.#slowStartThreshold, Math.max(flightBytes, this.#mssBytes) + this.#mssBytes);
    return false;
  }

  /**
   * An acknowledgement brought nothing new while data is under way.
   * @param highest sequence number behind everything sent.
   * @returns true when the first segment counts as lost and must go out again at once.
   */
  duplicate(highest: number, flightBytes: number): boolean {
    this.#duplicates++;
    if (this.#recover !== undefined) {
      if (!this.#selective) this.#windowBytes = Math.min(this.#windowBytes + this.#mssBytes, this.#maxBytes);
      return false;
    }
    return this.#duplicates >= LOSS_THRESHOLD && this.lossNoticed(highest, flightBytes);
  }

  /** @returns as `duplicate`; false when this loss was dealt with already. */
  lossNoticed(highest: number, flightBytes: number): boolean {
    if (this.#recover !== undefined || this.#settled !== undefined) return false;
    this.#recover = highest;
    this.#settled = highest;
    this.#slowStartThreshold = this.#halved(flightBytes);
    this.#windowBytes = this.#slowStartThreshold + (this.#selective ? 0 : LOSS_THRESHOLD * this.#mssBytes);
    return true;
  }

  /** The retransmission timer expired (RFC 5681 section 3.1). */
  timedOut(highest: number, flightBytes: number): void {
    this.#slowStartThreshold = this.#halved(flightBytes);
    this.#windowBytes = this.#mssBytes;
    this.#duplicates = 0;
    this.#recover = undefined;
    this.#settled = highest;
  }

  /** Nothing was sent for longer than the retransmission time-out (RFC 5681 section 4.1). */
  idled(): void {
    this.#windowBytes = Math.min(this.#windowBytes, INITIAL_WINDOW_SEGMENTS * this.#mssBytes);
  }

  /**
   * Slow start, then one segment per window, both by the bytes acknowledged (RFC 3465; without its limit L,
   * since guests that coalesce segments acknowledge many at once).
   */
  #grow(bytes: number): void {
    const gain =
      this.#windowBytes < this.#slowStartThreshold
        ? bytes
        : Math.max(Math.floor((this.#mssBytes * bytes) / this.#windowBytes), 1);
    this.#windowBytes = Math.min(this.#windowBytes + gain, this.#maxBytes);
  }

  #halved(flightBytes: number): number {
    return Math.max(flightBytes >>> 1, 2 * this.#mssBytes);
  }
}
