/**
 * Services that answer on the gateway's own addresses inside the fabric, over TCP: DNS on port 53.
 *
 * A guest's connection ends in the same TCP endpoint as any other; where a host socket would be stands one half
 * of a pair of streams, and the service holds the other.
 */
import { Duplex } from 'node:stream';
import { DuplexStream } from './tcp/duplex-stream.js';
import type { Dial } from './tcp/host-stream.js';

export interface LocalClient {
  /** Name of the network. */
  readonly network: string;
  readonly address: string;
  readonly port: number;
}

/** Takes a connection: what the client sends is read from the stream, what is written goes to it. Half-close works. */
export type LocalTcpHandler = (stream: Duplex, client: LocalClient) => void;

export class LocalServices {
  readonly #handlers = new Map<number, LocalTcpHandler>();

  register(port: number, handler: LocalTcpHandler): void {
    this.#handlers.set(port, handler);
  }

  /** @returns how to reach the service on this port, if there is one. */
  dial(port: number, client: LocalClient): Dial | undefined {
    const handler = this.#handlers.get(port);
    if (handler === undefined) return undefined;
    return (_target, events) => {
      const [near, far] = streamPair();
      const stream = new DuplexStream(near, events);
      process.nextTick(() => {
        handler(far, client);
        events.connected();
      });
      return stream;
    };
  }
}

/** Two streams, each of which reads what the other was given. */
export function streamPair(): [Duplex, Duplex] {
  const near = new PairedStream();
  const far = new PairedStream();
  near.peer = far;
  far.peer = near;
  return [near, far];
}

class PairedStream extends Duplex {
  peer: PairedStream | undefined;
  #continue: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const proceed = this.#continue;
    this.#continue = undefined;
    proceed?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const peer = this.peer;
    // Copied, because the writer may use its memory again once the write is done.
    if (peer === undefined || peer.push(Buffer.from(chunk))) done();
    else peer.#continue = done;
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.peer;
    this.peer = undefined;
    if (peer !== undefined && !(this.readableEnded && this.writableFinished)) peer.destroy();
    done(error);
  }
}
