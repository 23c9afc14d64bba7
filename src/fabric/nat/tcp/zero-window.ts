/**
 * Asking a guest whose window is closed, or too small to be worth a segment (RFC 9293 sections 3.8.6.1 and
 * 3.8.6.2.1).
 *
 * While data waits and none is under way, a probe of what fits, at least one byte, goes out after one
 * retransmission time-out, then at doubled intervals. A guest that acknowledges probes may keep its window
 * closed for ever; one that does not is given up like any other.
 */
import { MAX_RTO_MS } from './limits.js';

export class ZeroWindowProbe {
  deadlineMs = Number.POSITIVE_INFINITY;
  #intervalMs = 0;
  #unansweredSinceMs: number | undefined;

  get armed(): boolean {
    return this.deadlineMs !== Number.POSITIVE_INFINITY;
  }

  arm(rtoMs: number, nowMs: number): void {
    if (this.armed) return;
    this.#intervalMs = rtoMs;
    this.deadlineMs = nowMs + rtoMs;
  }

  /** The window is open again, or data is under way. */
  stop(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#unansweredSinceMs = undefined;
  }

  /** The guest acknowledged something. */
  answered(): void {
    this.#unansweredSinceMs = undefined;
  }

  /** A probe goes out now. @returns for how long probes have had no answer. */
  probed(nowMs: number): number {
    this.#unansweredSinceMs ??= nowMs;
    this.#intervalMs = Math.min(this.#intervalMs * 2, MAX_RTO_MS);
    this.deadlineMs = nowMs + this.#intervalMs;
    return nowMs - this.#unansweredSinceMs;
  }
}
