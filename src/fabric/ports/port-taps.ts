/** Who looks on at a port. */
import type { FrameBatch } from './port.js';

/** `sent`: by the machine; `received`: by the machine. */
export type Direction = 'sent' | 'received';

/** Sees the frames that pass a port. The bytes are valid only during the call. */
export interface PortTap {
  onFrames(direction: Direction, bytes: Buffer, start: number, end: number): void;
  /** The port goes. */
  onPortClosed(): void;
}

export class PortTaps {
  #taps: readonly PortTap[] = [];

  add(tap: PortTap): void {
    this.#taps = [...this.#taps, tap];
  }

  remove(tap: PortTap): void {
    this.#taps = this.#taps.filter((other) => other !== tap);
  }

  show(direction: Direction, { bytes }: FrameBatch, start: number, end: number): void {
    for (const tap of this.#taps) tap.onFrames(direction, bytes, start, end);
  }

  close(): void {
    for (const tap of this.#taps) tap.onPortClosed();
    this.#taps = [];
  }
}
