/**
 * Back-pressure from one machine's port to another's, as a PAUSE frame gives it (IEEE 802.3, annex 31B).
 *
 * Theory of operation. A machine that sends faster than the receiver reads is not read from until the receiver's queue has
 * drained, so frames wait in the sender's own queue instead of being dropped here. A receiver that does not read at all
 * holds others up once, for `MAX_PAUSE_MS`, until it reads again; what its queue has no room for is dropped, as ever.
 */
import type { Socket } from 'node:net';
import type { Port } from './port.js';

/** Bounds what traffic to other machines loses by waiting behind it. */
export const MAX_PAUSE_MS = 5;

export class ReadPause {
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** The socket was told to read no more: goes on once `port` has drained, or after the longest pause. */
  hold(socket: Socket, port: Port): void {
    this.#socket = socket;
    this.#timer = setTimeout(this.end, MAX_PAUSE_MS);
    port.whenDrained?.(this.end);
  }

  readonly end = (): void => {
    clearTimeout(this.#timer);
    this.#socket?.resume();
    this.#socket = undefined;
  };
}
