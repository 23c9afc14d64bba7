/** What QEMU's `-netdev stream,server=on` is to the fabric: a unix socket that listens and speaks its framing. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { framed, unframed } from './frames.js';

const WAIT_MS = 10_000;

export class FakeGuest {
  readonly #server: Server;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #onChange: (() => void) | undefined;
  connections = 0;
  receivedBytes = 0;

  private constructor(
    readonly path: string,
    readonly keepsFrames: boolean,
  ) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#socket = socket;
      this.#received = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        this.receivedBytes += chunk.length;
        if (keepsFrames) this.#received = Buffer.concat([this.#received, chunk]);
        this.#onChange?.();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (this.#socket === socket) this.#socket = undefined;
        this.#onChange?.();
      });
      this.#onChange?.();
    });
  }

  /** @param keepsFrames false where only counts are asked for. */
  static async listen(path: string, keepsFrames = true): Promise<FakeGuest> {
    const guest = new FakeGuest(path, keepsFrames);
    guest.#server.listen(path);
    await once(guest.#server, 'listening');
    return guest;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Frames received since the connection began. */
  get frames(): Buffer[] {
    return unframed(this.#received);
  }

  /** Waits until `holds`, and fails after 10 s. */
  async until(holds: (guest: this) => boolean, what: string): Promise<void> {
    if (holds(this)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.path}: no ${what} in ${WAIT_MS} ms`)), WAIT_MS);
      this.#onChange = () => {
        if (!holds(this)) return;
        clearTimeout(timer);
        this.#onChange = undefined;
        resolve();
      };
    });
  }

  async connected(): Promise<void> {
    await this.until((guest) => guest.isConnected, 'connection');
  }

  send(...frames: readonly Uint8Array[]): void {
    this.sendRaw(framed(...frames));
  }

  sendRaw(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  /** Writes, and waits until the fabric has read it all. */
  async sendAll(bytes: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error('not connected');
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Stops reading, as a guest does that is paused. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  /** Ends as QEMU does: the socket's file goes with it. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.hangUp();
    await closed;
  }
}

/** Polls for what tells nobody when it changes, and fails after 10 s. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`no ${what} in ${WAIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
