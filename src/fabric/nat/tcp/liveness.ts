/**
 * How long a connection may last without being heard: the handshake as a whole, the silence of an open
 * connection with the keep-alive that asks the guest before it is given up, and TIME-WAIT. One deadline at a
 * time.
 */
import type { ControlBlock } from './control-block.js';
import {
  ESTABLISHED_IDLE_MS,
  FORWARD_GIVE_UP_MS,
  HANDSHAKE_GIVE_UP_MS,
  KEEP_ALIVE_AFTER_MS,
  KEEP_ALIVE_INTERVAL_MS,
  TIME_WAIT_MS,
} from './limits.js';

export class Liveness {
  deadlineMs: number;
  #lingerUntilMs = Number.POSITIVE_INFINITY;

  constructor(phase: 'dialing' | 'syn-sent', nowMs: number) {
    this.deadlineMs = nowMs + (phase === 'syn-sent' ? FORWARD_GIVE_UP_MS : HANDSHAKE_GIVE_UP_MS);
  }

  established(nowMs: number): void {
    this.deadlineMs = nowMs + KEEP_ALIVE_AFTER_MS;
  }

  /** Both sides have closed. TIME-WAIT is for the side that closed first (RFC 9293 section 3.6). */
  linger(guestEndedFirst: boolean, nowMs: number): void {
    this.#lingerUntilMs = nowMs + (guestEndedFirst ? 0 : TIME_WAIT_MS);
    this.deadlineMs = this.#lingerUntilMs;
  }

  /** Whether TIME-WAIT has passed. */
  lingered(nowMs: number): boolean {
    return nowMs >= this.#lingerUntilMs;
  }

  /** The deadline has passed. @returns what to do. */
  due(tcb: ControlBlock, nowMs: number): 'wait' | 'ask' | 'give-up' {
    if (tcb.halfOpen) return 'give-up';
    const silentMs = nowMs - tcb.heardAtMs;
    if (silentMs >= ESTABLISHED_IDLE_MS) return 'give-up';
    if (tcb.phase === 'time-wait') {
      // Only the host is left: it has not taken everything yet.
      this.deadlineMs = tcb.heardAtMs + ESTABLISHED_IDLE_MS;
      return 'wait';
    }
    if (silentMs >= KEEP_ALIVE_AFTER_MS) {
      this.deadlineMs = nowMs + KEEP_ALIVE_INTERVAL_MS;
      return 'ask';
    }
    this.deadlineMs = tcb.heardAtMs + KEEP_ALIVE_AFTER_MS;
    return 'wait';
  }
}
