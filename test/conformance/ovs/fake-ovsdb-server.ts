import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JsonStream } from '../../../src/clients/ovsdb/json-stream.js';
import type { Json, JsonObject } from '../../../src/clients/ovsdb/notation.js';
import type { Remote } from '../../../src/clients/ovsdb/remote.js';

/** What came, and ways to answer: as JSON, or as the raw bytes a test wants to see arrive. */
export interface Exchange {
  readonly message: JsonObject;
  readonly socket: Socket;
  readonly send: (message: JsonObject) => void;
  readonly reply: (result: Json, error?: Json) => void;
}

/** A server on a unix socket that speaks the framing of RFC 7047 and leaves every answer to the test. */
export class FakeOvsdbServer implements AsyncDisposable {
  readonly received: JsonObject[] = [];
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #directory: string;

  private constructor(server: Server, directory: string) {
    this.#server = server;
    this.#directory = directory;
  }

  static async start(handle: (exchange: Exchange) => void): Promise<FakeOvsdbServer> {
    const directory = await mkdtemp(join(tmpdir(), 'passerelle-ovsdb-'));
    const server = createServer();
    const fake = new FakeOvsdbServer(server, directory);
    server.on('connection', (socket) => {
      fake.sockets.add(socket);
      socket.on('close', () => fake.sockets.delete(socket));
      socket.on('error', () => undefined);
      const stream = new JsonStream();
      socket.on('data', (chunk) => {
        for (const text of stream.push(chunk)) {
          const message = JSON.parse(text) as JsonObject;
          fake.received.push(message);
          const send = (answer: JsonObject) => socket.write(JSON.stringify(answer));
          const reply = (result: Json, error: Json = null) =>
            send({ id: message['id'] ?? null, result, error });
          if (message['id'] !== null) handle({ message, socket, send, reply });
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(join(directory, 'db.sock'), resolve));
    return fake;
  }

  get remote(): Remote {
    return { kind: 'unix', path: join(this.#directory, 'db.sock') };
  }

  /** Cuts every connection, as a server that is restarted does. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#directory, { recursive: true, force: true });
  }
}
