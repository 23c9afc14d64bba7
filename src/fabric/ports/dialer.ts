/**
 * Keeps a connection to a unix socket on which QEMU listens (`-netdev stream,server=on`).
 *
 * Theory of operation. Dial; when that fails, or the connection ends, dial again after a pause that doubles from 20 ms
 * to 500 ms, for QEMU may start later or be restarted. A connection that lasted a second sets the pause back, so a peer
 * that accepts and hangs up is not dialled in a tight loop. Ends at `close`.
 */
import { existsSync } from 'node:fs';
import { connect, type OnReadOpts, type Socket } from 'node:net';

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;
const STABLE_AFTER_MS = 1_000;

export interface DialerEvents {
  /** Reads go to these buffers (net.Socket `onread`); asked once for each connection. */
  onread(socket: () => Socket): OnReadOpts;
  onOpen(socket: Socket): void;
  /** The open connection is gone. */
  onClose(): void;
}

export class Dialer {
  #path: string;
  readonly #events: DialerEvents;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isClosed = false;

  constructor(path: string, events: DialerEvents) {
    this.#path = path;
    this.#events = events;
    this.#dial();
  }

  /** Hangs up and dials another socket. */
  redirect(path: string): void {
    if (path === this.#path) return;
    this.#path = path;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#hangUp();
    this.#dial();
  }

  close(): void {
    this.#isClosed = true;
    this.#hangUp();
  }

  #hangUp(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    const wasOpen = !socket.connecting;
    socket.destroy();
    if (wasOpen) this.#events.onClose();
  }

  #dial(): void {
    // A machine that is off has no socket; looking costs a tenth of a dial that fails, and there may be a thousand.
    if (!existsSync(this.#path)) {
      this.#dialLater();
      return;
    }
    let openedAtMs: number | undefined;
    const socket: Socket = connect({ path: this.#path, onread: this.#events.onread(() => socket) });
    this.#socket = socket;
    socket.on('connect', () => {
      openedAtMs = performance.now();
      this.#events.onOpen(socket);
    });
    // The peer is gone: what waits for it must not keep the socket half open.
    socket.on('end', () => socket.destroy());
    // `close` follows, and a refused dial is no event worth telling.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (openedAtMs !== undefined) {
        if (performance.now() - openedAtMs >= STABLE_AFTER_MS) this.#pauseMs = FIRST_PAUSE_MS;
        this.#events.onClose();
      }
      this.#dialLater();
    });
  }

  #dialLater(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.#dial(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
  }
}
