/** Time that only moves when a test says so. Timers run in order of their deadline, then of their making. */
import type { Clock } from '../../../src/fabric/nat/clock.js';

interface Entry {
  readonly atMs: number;
  readonly serial: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #nowMs = 0;
  #serial = 0;
  readonly #entries: Entry[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  get pending(): number {
    return this.#entries.length;
  }

  after(delayMs: number, run: () => void): () => void {
    const entry: Entry = { atMs: this.#nowMs + Math.max(delayMs, 0), serial: this.#serial++, run };
    let index = this.#entries.length;
    while (index > 0 && this.#entries[index - 1]!.atMs > entry.atMs) index--;
    this.#entries.splice(index, 0, entry);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at >= 0) this.#entries.splice(at, 1);
    };
  }

  /** A turn of the event loop serves one thing here. */
  defer(run: () => void): void {
    run();
  }

  /** Runs everything that is due within the next `ms`. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let entry = this.#entries[0]; entry !== undefined && entry.atMs <= endMs; entry = this.#entries[0]) {
      this.#entries.shift();
      this.#nowMs = Math.max(this.#nowMs, entry.atMs);
      entry.run();
    }
    this.#nowMs = endMs;
  }

  /** Runs until `done`, at most for `limitMs`. @returns whether it is done. */
  runUntil(done: () => boolean, limitMs: number): boolean {
    const endMs = this.#nowMs + limitMs;
    while (!done()) {
      const entry = this.#entries[0];
      if (entry === undefined || entry.atMs > endMs) {
        this.#nowMs = endMs;
        return done();
      }
      this.#entries.shift();
      this.#nowMs = Math.max(this.#nowMs, entry.atMs);
      entry.run();
    }
    return true;
  }
}
