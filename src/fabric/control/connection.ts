/**
 * One conversation over the control socket.
 *
 * Theory of operation. Requests are lines; they are carried out one after the other, and reading pauses meanwhile, so a
 * client that asks without listening holds one request and one answer, not more. A client may close its sending half
 * and still gets its answers. After `capture` the connection carries pcapng and nothing else, after `trace` lines of frames, until the client hangs
 * up.
 */
import type { Socket } from 'node:net';
import { PasserelleError } from '../../errors.js';
import { LineReader } from './line-reader.js';
import type { FabricMethods } from './protocol.js';
import { describeIssues, parseParams, requestSchema } from './schema.js';

export const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

/** A capture or a trace that runs. */
export interface PortStream {
  chunks(): AsyncIterable<Uint8Array>;
  /** Ends `chunks` after what is queued. */
  close(): void;
}

type Streaming = 'capture' | 'trace';
type Answered = Exclude<keyof FabricMethods, Streaming>;

export type ControlHandlers = {
  readonly [Method in Answered]: (
    params: FabricMethods[Method][0],
  ) => FabricMethods[Method][1] | Promise<FabricMethods[Method][1]>;
} & {
  /** @throws PasserelleError when there is no such port. */
  readonly [Method in Streaming]: (portId: string) => PortStream;
} & {
  /** Told of errors that are ours. */
  onDefect(error: unknown): void;
  /** The answer to `shutdown` is on its way. */
  onShutdownAnswered(): void;
};

interface ErrorBody {
  readonly code: string;
  readonly message: string;
}

export class ControlConnection {
  readonly #socket: Socket;
  readonly #handlers: ControlHandlers;
  readonly #reader = new LineReader(MAX_REQUEST_BYTES);
  #streaming: PortStream | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(socket: Socket, handlers: ControlHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => {
      this.#streaming?.close();
      this.#queue(() => {
        socket.end();
        return Promise.resolve();
      });
    });
    socket.on('close', () => this.#streaming?.close());
    // A client that went away is no error of ours; `close` follows.
    socket.on('error', () => undefined);
  }

  #onData(chunk: Buffer): void {
    if (this.#streaming !== undefined) return;
    let lines: string[];
    try {
      lines = this.#reader.read(chunk);
    } catch {
      const message = `a request is one line of at most ${MAX_REQUEST_BYTES} bytes`;
      this.#queue(() => this.#write({ id: null, error: { code: 'fabric/request-too-large', message } }));
      this.#queue(() => {
        this.#socket.destroySoon();
        return Promise.resolve();
      });
      this.#socket.pause();
      return;
    }
    if (lines.length === 0) return;
    this.#socket.pause();
    for (const line of lines) this.#queue(() => this.#answer(line));
    this.#queue(() => {
      this.#socket.resume();
      return Promise.resolve();
    });
  }

  #queue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((error: unknown) => {
      this.#handlers.onDefect(error);
      this.#socket.destroy();
    });
  }

  async #answer(line: string): Promise<void> {
    if (this.#socket.destroyed || this.#streaming !== undefined) return;
    const { id, method, params } = parseRequest(line);
    if (method === undefined) {
      await this.#write({ id, error: params });
      return;
    }
    try {
      if (method === 'capture' || method === 'trace') {
        await this.#stream(id, this.#handlers[method](parseParams(method, params).port));
        return;
      }
      await this.#write({ id, result: await this.#call(method, params) });
      if (method === 'shutdown') this.#handlers.onShutdownAnswered();
    } catch (error) {
      await this.#write({ id, error: this.#errorBody(error) });
    }
  }

  #call(method: Answered, params: unknown): unknown {
    const handlers = this.#handlers;
    switch (method) {
      case 'apply':
        return handlers.apply(parseParams(method, params));
      case 'configuration':
        return handlers.configuration(parseParams(method, params));
      case 'status':
        return handlers.status(parseParams(method, params));
      case 'leases':
        return handlers.leases(parseParams(method, params));
      case 'shutdown':
        return handlers.shutdown(parseParams(method, params));
    }
  }

  async #stream(id: number | string | null, stream: PortStream): Promise<void> {
    this.#streaming = stream;
    // Whatever the client still says is not read as requests, but its hanging up is noticed.
    this.#socket.resume();
    await this.#write({ id, result: { streaming: true } });
    for await (const chunk of stream.chunks()) {
      if (this.#socket.destroyed) stream.close();
      else await this.#send(chunk);
    }
    this.#socket.end();
  }

  #errorBody(error: unknown): ErrorBody {
    if (error instanceof PasserelleError) {
      return { code: error.problems[0]?.code ?? 'fabric/refused', message: error.message };
    }
    this.#handlers.onDefect(error);
    return { code: 'fabric/internal', message: 'the fabric failed to do this; its log says more' };
  }

  #write(message: object): Promise<void> {
    return this.#send(`${JSON.stringify(message)}\n`);
  }

  /** Writes, and waits while the client does not read. */
  async #send(data: string | Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || socket.write(data)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }
}

type ParsedRequest =
  | { readonly id: number | string | null; readonly method: keyof FabricMethods; readonly params: unknown }
  | { readonly id: number | string | null; readonly method: undefined; readonly params: ErrorBody };

/** A request, or the error that answers it. */
function parseRequest(line: string): ParsedRequest {
  const refused = (id: number | string | null, message: string): ParsedRequest => ({
    id,
    method: undefined,
    params: { code: 'fabric/bad-request', message },
  });
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return refused(null, 'not a JSON object on one line');
  }
  const parsed = requestSchema.safeParse(json);
  if (parsed.success) {
    const { id, method, params } = parsed.data;
    return { id, method, params };
  }
  const id = requestSchema.shape.id.safeParse((json as { id?: unknown } | null)?.id);
  return refused(id.success ? id.data : null, describeIssues(parsed.error));
}
