/**
 * The fabric's control socket, from the outside (src/fabric/control/protocol.ts).
 *
 * Theory of operation. One connection carries any number of calls, matched by id; a capture or a trace gets a connection of
 * its own. The signal given to `connectFabric` ends the connection, and with it every call that waits.
 */
import { connect, type Socket } from 'node:net';
import { PasserelleError } from '../../errors.js';
import type { FabricMethods } from '../../fabric/control/protocol.js';
import { AnswerLines } from './answer-lines.js';

/** How long what is left of a capture may take to arrive. */
const LAST_CHUNKS_TIMEOUT_MS = 2_000;

type Streaming = 'capture' | 'trace';
type Callable = Exclude<keyof FabricMethods, Streaming>;

export interface FabricClient {
  /**
   * @throws PasserelleError with the fabric's code when it refuses; `fabric/connection-lost` when it ends meanwhile;
   * the signal's reason when that aborts.
   */
  call<Method extends Callable>(
    method: Method,
    params: FabricMethods[Method][0],
  ): Promise<FabricMethods[Method][1]>;
  /** A pcapng stream of what passes a port (`web1/0`), until the signal aborts or the fabric ends. */
  capture(port: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void>;
  /** Lines of JSON, a `TracedFrame` each, of what a port's machine sends, until the signal aborts or the fabric ends. */
  trace(port: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void>;
  close(): void;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** An answer that has come in, or why none will. */
interface Pending {
  resolve(result: unknown): void;
  reject(reason: unknown): void;
}

/**
 * Connects to a fabric.
 * @throws the system's error with its `code`: `ENOENT` or `ECONNREFUSED` when no fabric runs; the signal's reason.
 */
export async function connectFabric(socketPath: string, signal: AbortSignal): Promise<FabricClient> {
  const socket = await open(socketPath, signal);
  const pending = new Map<number, Pending>();
  const lines = new AnswerLines();
  let nextId = 1;
  let lost: unknown;
  const lose = (reason: unknown): void => {
    lost ??= reason;
    for (const call of pending.values()) call.reject(lost);
    pending.clear();
    socket.destroy();
  };
  const onAbort = (): void => lose(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const line of lines.read(chunk)) settle(pending, line);
    } catch (error) {
      lose(connectionLost(error));
    }
  });
  socket.on('error', (error) => lose(connectionLost(error)));
  socket.on('end', () => lose(connectionLost()));
  socket.on('close', () => {
    signal.removeEventListener('abort', onAbort);
    lose(connectionLost());
  });

  return {
    call(method, params) {
      if (lost !== undefined) return Promise.reject(lost);
      const id = nextId++;
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject });
        socket.write(`${JSON.stringify({ id, method, params })}\n`);
      });
    },
    capture: (port, streamSignal) => stream(socketPath, 'capture', port, streamSignal),
    trace: (port, streamSignal) => stream(socketPath, 'trace', port, streamSignal),
    close: () => lose(connectionLost()),
  };
}

async function* stream(
  socketPath: string,
  method: Streaming,
  port: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const socket = await open(socketPath, signal);
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    // Half-closed, so that what the fabric has queued, and its last block, still arrive.
    socket.end();
    timer = setTimeout(() => socket.destroy(), LAST_CHUNKS_TIMEOUT_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    socket.write(`${JSON.stringify({ id: 1, method, params: { port } })}\n`);
    const answer = new AnswerLines();
    let isStreaming = false;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (isStreaming) {
        yield chunk;
        continue;
      }
      const [line] = answer.read(chunk, 1);
      if (line === undefined) continue;
      resultOf(JSON.parse(line) as Answer);
      isStreaming = true;
      const rest = answer.takeRest();
      if (rest.length > 0) yield rest;
    }
    if (!isStreaming) throw connectionLost();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function open(socketPath: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    const onError = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

function settle(pending: Map<number, Pending>, line: string): void {
  const answer = JSON.parse(line) as Answer;
  const call = pending.get(answer.id);
  pending.delete(answer.id);
  try {
    call?.resolve(resultOf(answer));
  } catch (error) {
    call?.reject(error);
  }
}

/** The result an answer carries. @throws PasserelleError the error it carries. */
function resultOf(answer: Answer): unknown {
  if (answer.error === undefined) return answer.result;
  throw new PasserelleError({ code: answer.error.code, message: answer.error.message });
}

function connectionLost(cause?: unknown): PasserelleError {
  const problem = { code: 'fabric/connection-lost', message: 'the fabric ended the conversation' };
  return new PasserelleError(problem, 1, cause === undefined ? undefined : { cause });
}
