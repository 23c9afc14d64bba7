/**
 * One client of a VDE socket, with the `vde_plug` that serves it.
 *
 * Theory of operation. Node.js has no datagram sockets of the unix family, on which VDE carries its frames, and
 * `vde_plug hub://DIR` has: it is a VDE hub for who plugs in at DIR and speaks frames on its standard input and output.
 * One of them is started for each client, in a directory of the client's own, so that every client is a port of the
 * fabric's switch and none reaches another around it. The client's first words are read, judged and passed on to it,
 * and its answer is passed back; from then on the two send each other datagrams, and the connection says by its end
 * that one of them has gone. Time-outs: 2 s for the client's words, 5 s for the answer.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { parseVdeRequest, VDE_ANSWER_BYTES } from '../../wire/vde-control.js';

const REQUEST_TIMEOUT_MS = 2_000;
const ANSWER_TIMEOUT_MS = 5_000;
const POLL_MS = 5;
const MAX_SAID_BYTES = 400;

export type VdeServer = ChildProcessByStdio<Writable, Readable, Readable>;

export interface VdePlugEvents {
  /** The client has its answer next: from here on frames may come. */
  onOpen(server: VdeServer, description: string): void;
  /** Once, whether it was open or not. @param reason for a person; undefined when the client left. */
  onClose(reason: string | undefined): void;
}

export class VdePlug {
  readonly #client: Socket;
  readonly #directory: string;
  readonly #events: VdePlugEvents;
  #server: VdeServer | undefined;
  #upstream: Socket | undefined;
  #timer: NodeJS.Timeout;
  #request: Buffer = Buffer.alloc(0);
  #isClosed = false;

  /** @param directory the plug's own; not there yet. */
  constructor(client: Socket, directory: string, events: VdePlugEvents) {
    this.#client = client;
    this.#directory = directory;
    this.#events = events;
    this.#timer = setTimeout(() => this.close('it said nothing'), REQUEST_TIMEOUT_MS);
    client.on('data', (chunk: Buffer) => this.#hear(chunk));
    client.on('error', () => undefined);
    client.on('end', () => this.close());
    client.on('close', () => this.close());
  }

  close(reason?: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#client.destroy();
    this.#upstream?.destroy();
    this.#server?.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
    this.#events.onClose(reason);
  }

  #hear(chunk: Buffer): void {
    // After its first words a client has nothing to say.
    if (this.#server !== undefined) return;
    this.#request = Buffer.concat([this.#request, chunk]);
    const request = parseVdeRequest(this.#request);
    if (request === 'incomplete') return;
    if (request === undefined) {
      this.close('it does not speak the protocol of VDE');
      return;
    }
    this.#restartTimer('vde_plug did not answer');
    this.#serve(request.description).catch((error: unknown) => this.close(String(error)));
  }

  async #serve(description: string): Promise<void> {
    const server: VdeServer = spawn('vde_plug', [`hub://${this.#directory}`], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: '/',
    });
    this.#server = server;
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString('utf8')}`.slice(-MAX_SAID_BYTES);
    });
    server.stdin.on('error', () => undefined);
    server.on('error', (error) => this.close(`vde_plug: ${error.message}`));
    server.on('exit', () => this.close(`vde_plug ended${said === '' ? '' : `: ${said.trim()}`}`));
    const control = join(this.#directory, 'ctl');
    while (!existsSync(control)) {
      await delay(POLL_MS);
      if (this.#isClosed) return;
    }
    const upstream = connect(control);
    this.#upstream = upstream;
    upstream.on('error', (error) => this.close(error.message));
    upstream.on('close', () => this.close());
    upstream.on('connect', () => {
      this.#events.onOpen(server, description);
      upstream.write(this.#request);
    });
    let answeredBytes = 0;
    upstream.on('data', (chunk: Buffer) => {
      answeredBytes += chunk.length;
      if (answeredBytes >= VDE_ANSWER_BYTES) clearTimeout(this.#timer);
      this.#client.write(chunk);
    });
  }

  #restartTimer(reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(reason), ANSWER_TIMEOUT_MS);
  }
}
