/**
 * One JSON-RPC connection to an OVSDB server (RFC 7047, section 4).
 *
 * Goals: many requests under way at once, each with its own signal; notifications in the order they came.
 * Events: a reply settles its request; a notification goes to its listeners before anything after it is looked at, so
 * the update of one's own transaction has been seen when its reply settles; the server's `echo` is answered at once.
 * Time-outs: nothing heard for `probeIntervalMs`, an `echo` is sent; nothing for as long again, the connection is closed
 * (`ovsdb/silent-server`). The server does the same to us on TCP. Requests have no time-out but their signal: an abort
 * sends `cancel` and rejects; whether a cancelled transaction took place is then unknown.
 * Limits: a message larger or deeper than json-stream.ts allows, or one that is no JSON-RPC, ends the connection.
 * After the end every request rejects with the reason; nothing is tried again here (see reconnect.ts).
 */
import type { Duplex } from 'node:stream';
import { PasserelleError } from '../../errors.js';
import { JsonStream } from './json-stream.js';
import type { Json, JsonObject } from './notation.js';

export interface ConnectionOptions {
  /** Silence after which the server is probed, milliseconds; 0 turns the probe off. */
  readonly probeIntervalMs?: number;
  /** Largest message taken, bytes. */
  readonly maxMessageBytes?: number;
}

export const DEFAULT_PROBE_INTERVAL_MS = 5000;

/** The server answered a request with an error that is not a transaction's. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  constructor(
    readonly method: string,
    readonly error: Json,
  ) {
    super(`${method}: ${typeof error === 'string' ? error : JSON.stringify(error)}`);
  }
}

interface PendingRequest {
  readonly method: string;
  resolve(result: Json): void;
  reject(reason: unknown): void;
}

type Listener = (params: readonly Json[]) => void;

export class OvsdbConnection {
  /** Settles with the reason once the connection has ended; `undefined` when `close` ended it. */
  readonly ended: Promise<Error | undefined>;
  readonly #stream: Duplex;
  readonly #messages: JsonStream;
  readonly #requests = new Map<number, PendingRequest>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #settleEnded: (reason: Error | undefined) => void;
  #probe: NodeJS.Timeout | undefined;
  #heardSinceProbe = true;
  #nextId = 0;
  #over: Error | undefined;

  /** @param stream connected; the connection owns it from here on. */
  constructor(stream: Duplex, options: ConnectionOptions = {}) {
    this.#stream = stream;
    this.#messages = new JsonStream(options.maxMessageBytes);
    let settle: (reason: Error | undefined) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settleEnded = settle;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.#end(lost(error.message, error)));
    stream.on('close', () => this.#end(lost('the server closed it')));
    const intervalMs = options.probeIntervalMs ?? DEFAULT_PROBE_INTERVAL_MS;
    if (intervalMs > 0) {
      this.#probe = setInterval(() => this.#checkSilence(intervalMs), intervalMs);
      this.#probe.unref();
    }
  }

  /**
   * @throws RpcError when the server refuses; PasserelleError `ovsdb/connection-lost` or `ovsdb/silent-server` when the
   * connection ends first; the signal's reason when it aborts.
   */
  async request(method: string, params: readonly Json[], signal: AbortSignal): Promise<Json> {
    signal.throwIfAborted();
    if (this.#over !== undefined) throw this.#over;
    const id = this.#nextId++;
    return new Promise<Json>((resolve, reject) => {
      const onAbort = () => {
        this.#requests.delete(id);
        this.notify('cancel', [id]);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const settled = () => signal.removeEventListener('abort', onAbort);
      this.#requests.set(id, {
        method,
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      });
      this.#send({ method, params, id });
    });
  }

  /** Sends what wants no answer. */
  notify(method: string, params: readonly Json[]): void {
    if (this.#over === undefined) this.#send({ method, params, id: null });
  }

  /** Calls the listener for each notification of that name. @returns what stops it. */
  onNotification(method: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(method) ?? new Set();
    this.#listeners.set(method, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Ends the connection; requests under way reject. */
  close(): void {
    this.#end(undefined);
  }

  #send(message: JsonObject): void {
    this.#stream.write(JSON.stringify(message));
  }

  #receive(chunk: Buffer): void {
    this.#heardSinceProbe = true;
    try {
      for (const text of this.#messages.push(chunk)) {
        if (this.#over !== undefined) return;
        this.#handle(JSON.parse(text) as JsonObject);
      }
    } catch (error) {
      this.#end(garbled(error));
    }
  }

  #handle(message: JsonObject): void {
    const { method, params, id } = message;
    if (typeof method === 'string') {
      if (!Array.isArray(params)) throw new TypeError(`the parameters of ${method} are no array`);
      if (method === 'echo') this.#send({ result: params, error: null, id: id ?? null });
      else if (id === null || id === undefined) {
        for (const listener of this.#listeners.get(method) ?? []) listener(params as readonly Json[]);
      } else this.#send({ result: null, error: 'unknown method', id });
      return;
    }
    if (typeof id !== 'number' && typeof id !== 'string')
      throw new TypeError('a message has neither method nor id');
    if (id === PROBE_ID) return;
    const request = typeof id === 'number' ? this.#requests.get(id) : undefined;
    // A reply to a request that was cancelled finds nobody, and that is right.
    if (request === undefined) return;
    this.#requests.delete(id as number);
    const { result, error } = message;
    if (error !== null && error !== undefined) request.reject(new RpcError(request.method, error));
    else request.resolve(result ?? null);
  }

  #checkSilence(intervalMs: number): void {
    if (this.#heardSinceProbe) {
      this.#heardSinceProbe = false;
      this.#send({ method: 'echo', params: [], id: PROBE_ID });
      return;
    }
    this.#end(
      new PasserelleError({
        code: 'ovsdb/silent-server',
        message: `the database server has not answered for ${(intervalMs * 2) / 1000} s`,
        fix: 'look at it: `ovs-appctl -t ovsdb-server version`, and its log in /var/log/openvswitch',
      }),
    );
  }

  #end(reason: Error | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = reason ?? lost('it was closed on our side');
    clearInterval(this.#probe);
    this.#stream.destroy();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) request.reject(this.#over);
    this.#settleEnded(reason);
  }
}

const PROBE_ID = 'probe';

function lost(detail: string, cause?: Error): PasserelleError {
  return new PasserelleError(
    {
      code: 'ovsdb/connection-lost',
      message: `the connection to the database server ended: ${detail}`,
      fix: 'run the command again once `ovs-vsctl show` answers; what was done by then is found',
    },
    1,
    cause === undefined ? undefined : { cause },
  );
}

function garbled(cause: unknown): PasserelleError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new PasserelleError(
    { code: 'ovsdb/garbled-stream', message: `the database server sent what is no JSON-RPC: ${detail}` },
    1,
    { cause },
  );
}
