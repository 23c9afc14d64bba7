/**
 * A stream that is there already, as the host's side of a connection: a socket that a forward accepted, or a
 * service inside the fabric. Node reads these into buffers of its own, so what it read is copied into the ring.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HostStream, HostStreamEvents } from './host-stream.js';
import { KEEP_ALIVE_AFTER_MS } from './limits.js';

export class DuplexStream implements HostStream {
  readonly #duplex: Duplex;
  readonly #events: HostStreamEvents;
  /** What was read and found no room. */
  #rest: Buffer | undefined;
  #blocked = false;
  #live = true;

  /** @param duplex with `allowHalfOpen`. */
  constructor(duplex: Duplex, events: HostStreamEvents) {
    this.#duplex = duplex;
    this.#events = events;
    duplex.on('end', () => this.#live && events.ended());
    duplex.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? 'EIO'));
    duplex.on('close', () => {
      if (!duplex.readableEnded || !duplex.writableFinished) this.#fail('ECONNRESET');
    });
    duplex.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  write(bytes: Uint8Array): boolean {
    this.#duplex.write(bytes, this.#written);
    this.#blocked = this.#duplex.writableLength > 0;
    return !this.#blocked;
  }

  end(): void {
    this.#duplex.end();
  }

  reset(): void {
    this.#live = false;
    if (this.#duplex instanceof Socket && !this.#duplex.destroyed) this.#duplex.resetAndDestroy();
    else this.#duplex.destroy();
  }

  keepAlive(): void {
    if (this.#duplex instanceof Socket) this.#duplex.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
  }

  resume(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest === undefined || this.#take(rest)) this.#duplex.resume();
  }

  /** @returns whether there was room for all of it. */
  #take(chunk: Buffer): boolean {
    let position = 0;
    while (this.#live && position < chunk.length) {
      const space = this.#events.nextRead();
      const bytes = Math.min(space.length, chunk.length - position);
      space.set(chunk.subarray(position, position + bytes));
      position += bytes;
      if (this.#events.received(bytes)) continue;
      this.#duplex.pause();
      if (position < chunk.length) this.#rest = chunk.subarray(position);
      return false;
    }
    return true;
  }

  readonly #written = (): void => {
    if (!this.#blocked || this.#duplex.writableLength > 0) return;
    this.#blocked = false;
    if (this.#live) this.#events.drained();
  };

  #fail(code: string): void {
    if (!this.#live) return;
    this.#live = false;
    this.#events.failed(code);
  }
}
