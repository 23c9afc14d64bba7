/**
 * Flushes a link once for everything that timers and host sockets wrote within one turn of the event loop, so
 * that a turn in which many sockets had something makes one write to the guest's port instead of many. (Within
 * a batch of the guest the gateway flushes.)
 */
import type { GatewayLink } from '../gateway/link.js';
import type { Clock } from './clock.js';

export class LinkFlusher {
  readonly #link: GatewayLink;
  readonly #clock: Clock;
  #waiting = false;

  constructor(link: GatewayLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  /** Before the event loop waits again. */
  soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#clock.defer(this.#flush);
  }

  readonly #flush = (): void => {
    this.#waiting = false;
    this.#link.flush();
  };
}
