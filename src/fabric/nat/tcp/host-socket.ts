/**
 * The host's TCP socket behind a guest's connection.
 *
 * `onread` lets the kernel write straight into the connection's ring, without a buffer of Node's in between.
 * After a write, `writableLength` 0 means that the kernel took everything; otherwise the memory belongs to the
 * socket until its callback.
 */
import { connect, type Socket } from 'node:net';
import type { Dial, DialEvents, DialTarget, HostStream } from './host-stream.js';
import { KEEP_ALIVE_AFTER_MS } from './limits.js';

class HostSocket implements HostStream {
  readonly #events: DialEvents;
  readonly #socket: Socket;
  #blocked = false;
  #live = true;

  constructor(target: DialTarget, events: DialEvents) {
    this.#events = events;
    this.#socket = connect({
      host: target.address,
      port: target.port,
      family: target.family,
      allowHalfOpen: true,
      // The guest has its own Nagle; a second one would only delay.
      noDelay: true,
      onread: { buffer: () => events.nextRead(), callback: (bytes) => this.#live && events.received(bytes) },
    });
    this.#socket.on('connect', () => this.#live && events.connected());
    this.#socket.on('end', () => this.#live && events.ended());
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? 'EIO'));
  }

  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes, this.#written);
    this.#blocked = this.#socket.writableLength > 0;
    return !this.#blocked;
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#live = false;
    if (this.#socket.connecting || this.#socket.destroyed) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Only now, as most connections never come to it: it takes four system calls. */
  keepAlive(): void {
    this.#socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
  }

  resume(): void {
    this.#socket.resume();
  }

  readonly #written = (): void => {
    if (!this.#blocked || this.#socket.writableLength > 0) return;
    this.#blocked = false;
    if (this.#live) this.#events.drained();
  };

  #fail(code: string): void {
    if (!this.#live) return;
    this.#live = false;
    this.#events.failed(code);
  }
}

export const dialHost: Dial = (target, events) => new HostSocket(target, events);
