/**
 * When to send again: the retransmission time-out (RFC 6298).
 *
 * One segment at a time is timed, never a retransmitted one (Karn's algorithm, section 3). `deadlineMs` is
 * infinite while nothing is under way. Time-outs since the last progress double the time-out; the flow is given
 * up after `GIVE_UP_MS`.
 */
import { INITIAL_RTO_MS, MAX_RTO_MS, MIN_RTO_VARIATION_MS } from './limits.js';
import { sequenceDistance } from '../../../wire/tcp.js';

/** Share of the new sample in the smoothed round-trip time and in its variation (RFC 6298 section 2.3). */
const ALPHA = 1 / 8;
const BETA = 1 / 4;

export class RetransmissionTimer {
  deadlineMs = Number.POSITIVE_INFINITY;
  #rtoMs = INITIAL_RTO_MS;
  #smoothedMs: number | undefined;
  #variationMs = 0;
  #timedSequence: number | undefined;
  #timedAtMs = 0;
  #unansweredSinceMs: number | undefined;

  /** With back-off. */
  get rtoMs(): number {
    return this.#rtoMs;
  }

  get armed(): boolean {
    return this.deadlineMs !== Number.POSITIVE_INFINITY;
  }

  /** Data or a SYN or FIN goes out for the first time; `lastSequence` is the one behind its end. */
  sent(lastSequence: number, nowMs: number): void {
    if (!this.armed) this.deadlineMs = nowMs + this.#rtoMs;
    if (this.#timedSequence === undefined) {
      this.#timedSequence = lastSequence;
      this.#timedAtMs = nowMs;
    }
  }

  /** Something goes out again: arms the timer, times nothing. */
  resent(nowMs: number): void {
    this.#timedSequence = undefined;
    if (!this.armed) this.deadlineMs = nowMs + this.#rtoMs;
  }

  /** New data was acknowledged (section 5.2 and 5.3). */
  acknowledged(acknowledgement: number, allAcknowledged: boolean, nowMs: number): void {
    this.#unansweredSinceMs = undefined;
    if (this.#timedSequence !== undefined && sequenceDistance(acknowledgement, this.#timedSequence) >= 0) {
      this.#timedSequence = undefined;
      this.#sample(nowMs - this.#timedAtMs);
    } else if (this.#smoothedMs !== undefined) this.#rtoMs = this.#computed(this.#smoothedMs);
    this.deadlineMs = allAcknowledged ? Number.POSITIVE_INFINITY : nowMs + this.#rtoMs;
  }

  /** The deadline passed (sections 5.5 and 5.6). @returns for how long the guest has not answered. */
  expired(nowMs: number): number {
    this.#timedSequence = undefined;
    this.#unansweredSinceMs ??= nowMs - this.#rtoMs;
    this.#rtoMs = Math.min(this.#rtoMs * 2, MAX_RTO_MS);
    this.deadlineMs = nowMs + this.#rtoMs;
    return nowMs - this.#unansweredSinceMs;
  }

  stop(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#timedSequence = undefined;
  }

  #sample(roundTripMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
    } else {
      this.#variationMs += BETA * (Math.abs(this.#smoothedMs - roundTripMs) - this.#variationMs);
      this.#smoothedMs += ALPHA * (roundTripMs - this.#smoothedMs);
    }
    this.#rtoMs = this.#computed(this.#smoothedMs);
  }

  #computed(smoothedMs: number): number {
    return Math.min(smoothedMs + Math.max(4 * this.#variationMs, MIN_RTO_VARIATION_MS), MAX_RTO_MS);
  }
}
