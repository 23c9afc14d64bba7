/**
 * A client of a vde_switch's management socket (vde_switch(1), `-M`).
 *
 * Theory of operation. The switch reads at most 128 bytes at once and takes what it read for one command, so the next
 * command is sent only when the prompt after the last answer is there. Commands of several callers wait in line. The
 * switch answers within its main loop, at once or never (when it hangs): an answer has five seconds. Anything the
 * protocol does not allow ends the connection and fails all that waits. Connecting again is the caller's business.
 */
import { createConnection, type Socket } from 'node:net';
import { PasserelleError } from '../../errors.js';
import { type ManagementItem, ManagementReader } from './management-reader.js';

const ANSWER_TIMEOUT_MS = 5_000;
/** The switch's buffer less its terminating zero and the newline (MAXCMD in its consmgmt.c), bytes. */
const MAX_COMMAND_BYTES = 126;
const MAX_WAITING_COMMANDS = 100_000;

export interface ManagementAnswer {
  /** 0: done; else the number of the error (errno(3)). */
  readonly errno: number;
  /** `Success`, `File exists`. */
  readonly text: string;
  readonly data: readonly string[];
  /** The switch said more than its socket took; `data` is empty then. */
  readonly isTruncated: boolean;
}

export interface SwitchEvent {
  /** `port/+`, `port/ep/-`. */
  readonly path: string;
  readonly detail: string;
}

interface Waiting {
  readonly command: string;
  answer: ManagementAnswer | undefined;
  readonly resolve: (answer: ManagementAnswer) => void;
  readonly reject: (reason: unknown) => void;
}

export class ManagementClient {
  readonly #socket: Socket;
  readonly #reader = new ManagementReader();
  readonly #onEvent: (event: SwitchEvent) => void;
  /** The first of them is on its way, once the switch has greeted. */
  readonly #waiting: Waiting[] = [];
  #hasGreeted = false;
  #failure: unknown;
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, onEvent: (event: SwitchEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (cause) => this.#fail(lost(cause.message, cause)));
    socket.on('close', () => this.#fail(lost('it closed the connection')));
  }

  /**
   * Dials once and waits until the switch has greeted.
   * @param onEvent is told what `debug/add` asked for.
   * @throws the system's error with its `code`, `ENOENT` or `ECONNREFUSED`, when nobody listens; PasserelleError
   * `vde/no-answer` when somebody does and says nothing; the signal's reason.
   */
  static async connect(
    socketPath: string,
    signal: AbortSignal,
    onEvent: (event: SwitchEvent) => void = () => undefined,
  ): Promise<ManagementClient> {
    const socket = await dial(socketPath, signal);
    const client = new ManagementClient(socket, onEvent);
    try {
      // Nothing is sent for it: the greeting ends in a prompt.
      await client.#ask('', signal);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /**
   * Sends one command and waits for its answer; a refusal is an answer too.
   * @throws PasserelleError `vde/no-answer`, `vde/connection-lost`; TypeError for what cannot be a command; the signal's
   * reason, and then the command may or may not have been carried out and the connection is closed.
   */
  command(line: string, signal: AbortSignal): Promise<ManagementAnswer> {
    if (!/^[\x21-\x7e][\x20-\x7e]*$/.test(line) || line.length > MAX_COMMAND_BYTES) {
      return Promise.reject(new TypeError(`not a command of a vde_switch: ${JSON.stringify(line)}`));
    }
    return this.#ask(line, signal);
  }

  close(): void {
    this.#fail(lost('it was closed by us'));
  }

  #ask(command: string, signal: AbortSignal): Promise<ManagementAnswer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.length >= MAX_WAITING_COMMANDS) {
      return Promise.reject(new RangeError(`${MAX_WAITING_COMMANDS} commands wait already`));
    }
    return new Promise((resolve, reject) => {
      // What was sent cannot be taken back, and its answer would be taken for the next one's.
      const onAbort = (): void => this.#fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const settled = (): void => signal.removeEventListener('abort', onAbort);
      this.#waiting.push({
        command,
        answer: undefined,
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      });
      if (this.#waiting.length === 1) this.#send();
    });
  }

  #send(): void {
    const next = this.#waiting[0];
    if (next === undefined) return;
    this.#timer = setTimeout(() => {
      const what = next.command === '' ? 'greet' : `answer ${next.command}`;
      this.#fail(
        new PasserelleError({
          code: 'vde/no-answer',
          message: `vde_switch did not ${what} within ${ANSWER_TIMEOUT_MS / 1000} s`,
          fix: 'run `passerelle up`: a switch that does not answer is replaced',
        }),
      );
    }, ANSWER_TIMEOUT_MS);
    if (this.#hasGreeted) this.#socket.write(`${next.command}\n`);
  }

  #receive(chunk: Buffer): void {
    let items: ManagementItem[];
    try {
      items = this.#reader.push(chunk);
    } catch (error) {
      this.#fail(lost((error as Error).message, error as Error));
      return;
    }
    for (const item of items) this.#take(item);
  }

  #take(item: ManagementItem): void {
    const current = this.#waiting[0];
    switch (item.kind) {
      case 'answer':
        if (current !== undefined) {
          const { errno, text, data } = item;
          current.answer = { errno, text, data, isTruncated: false };
        }
        return;
      case 'truncated':
        if (current !== undefined) current.answer = { errno: 0, text: '', data: [], isTruncated: true };
        return;
      case 'event':
        this.#onEvent({ path: item.path, detail: item.detail });
        return;
      case 'end':
        this.#fail(lost('it ended the session'));
        return;
      case 'prompt':
        this.#onPrompt(current);
        return;
    }
  }

  #onPrompt(current: Waiting | undefined): void {
    const isGreeting = !this.#hasGreeted;
    this.#hasGreeted = true;
    if (current === undefined) return;
    clearTimeout(this.#timer);
    const { answer } = current;
    if (!isGreeting && answer === undefined) {
      this.#fail(lost(`it said nothing to ${current.command}`));
      return;
    }
    this.#waiting.shift();
    current.resolve(answer ?? { errno: 0, text: '', data: [], isTruncated: false });
    this.#send();
  }

  #fail(reason: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}

function dial(path: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => {
      settled();
      reject(error);
    });
    socket.once('connect', () => {
      settled();
      resolve(socket);
    });
  });
}

function lost(reason: string, cause?: Error): PasserelleError {
  return new PasserelleError(
    { code: 'vde/connection-lost', message: `the conversation with vde_switch ended: ${reason}` },
    1,
    cause === undefined ? undefined : { cause },
  );
}
