/**
 * Time for protocol timers: a monotonic clock and one-shot timers, so that tests bring their own.
 *
 * Protocol timers are re-armed far more often than they expire (every acknowledgement moves the retransmission
 * time-out). `DeadlineTimer` therefore leaves an armed timer alone when its deadline moves later, and looks
 * again when it fires.
 */
export interface Clock {
  /** Monotonic, milliseconds, with fractions. */
  nowMs(): number;
  /** Runs once after the delay. @returns how to cancel it. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs when this turn of the event loop has served everything that was ready. */
  defer(run: () => void): void;
}

/** Timers do not keep the process alive: sockets do. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
  defer: (run) => void setImmediate(run),
};

/** `setTimeout` takes at most a signed 32-bit delay; a timer that fires early only looks again. */
const MAX_DELAY_MS = 0x7fff_ffff;

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDue: (nowMs: number) => void;
  #firesAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  /** @param onDue called no later than the earliest deadline asked for; asks again for what is not due yet. */
  constructor(clock: Clock, onDue: (nowMs: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Makes sure that `onDue` runs at `deadlineMs` or before. */
  require(deadlineMs: number): void {
    if (deadlineMs >= this.#firesAtMs) return;
    this.#cancel?.();
    this.#firesAtMs = deadlineMs;
    const delayMs = Math.min(Math.max(Math.ceil(deadlineMs - this.#clock.nowMs()), 0), MAX_DELAY_MS);
    this.#cancel = this.#clock.after(delayMs, this.#fire);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#firesAtMs = Number.POSITIVE_INFINITY;
  }

  readonly #fire = (): void => {
    this.#cancel = undefined;
    this.#firesAtMs = Number.POSITIVE_INFINITY;
    this.#onDue(this.#clock.nowMs());
  };
}
