import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, AnswerReader, encodePing, encodeRun } from './command-frames.js';

export interface CommandResult {
  /** Exit status; 137 when the guest killed the line after its time. */
  readonly status: number;
  /** Standard output and standard error together, as UTF-8. */
  readonly output: string;
  readonly outputBytes: Buffer;
}

export interface RunOptions {
  /** Default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Time for the answer to come when the guest has already stopped the line, ms. */
const ANSWER_SLACK_MS = 15_000;
const PING_INTERVAL_MS = 200;

/** Runs shell lines in a micro guest, over the unix socket of its second serial port. One client at a time. */
export class CommandChannel {
  private nextId = 1;
  private readonly prefix = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  private readonly waiting = new Map<string, (answer: Answer | Error) => void>();
  private readonly reader = new AnswerReader();

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      for (const answer of this.reader.push(chunk)) this.waiting.get(answer.id)?.(answer);
    });
    const fail = (): void => {
      for (const settle of this.waiting.values()) settle(new Error('the command channel closed'));
    };
    socket.on('error', fail);
    socket.on('close', fail);
  }

  /** Dials until QEMU listens and the guest's agent answers. Rejects when the signal aborts. */
  static async open(socketPath: string, signal: AbortSignal): Promise<CommandChannel> {
    for (;;) {
      signal.throwIfAborted();
      const socket = createConnection(socketPath);
      try {
        await once(socket, 'connect', { signal });
      } catch {
        socket.destroy();
        await delay(20, undefined, { signal });
        continue;
      }
      const channel = new CommandChannel(socket);
      try {
        await channel.awaitAgent(signal);
        return channel;
      } catch (error) {
        channel.close();
        throw error;
      }
    }
  }

  async run(line: string, options: RunOptions = {}): Promise<CommandResult> {
    const timeoutMs = options.timeoutMs ?? 30_000;
    const id = this.takeId();
    const request = encodeRun(id, Math.max(1, Math.ceil(timeoutMs / 1000)), line);
    const answer = await this.ask(id, request, timeoutMs + ANSWER_SLACK_MS, options.signal).catch(
      (error: unknown) => {
        throw new Error(`no answer to: ${line}`, { cause: error });
      },
    );
    return {
      status: answer.status ?? -1,
      output: answer.output.toString('utf8'),
      outputBytes: answer.output,
    };
  }

  /** Runs a line that has to succeed. @returns its output, trimmed. @throws Error with status and output. */
  async must(line: string, options?: RunOptions): Promise<string> {
    const { status, output } = await this.run(line, options);
    if (status !== 0) throw new Error(`${line}: exit status ${status}\n${output}`);
    return output.trim();
  }

  close(): void {
    this.socket.destroy();
  }

  private takeId(): string {
    return `${this.prefix}-${this.nextId++}`;
  }

  /** What is said before the guest opened its port is lost: ask until it answers. */
  private async awaitAgent(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const id = this.takeId();
      const answer = await this.ask(id, encodePing(id), PING_INTERVAL_MS, signal).catch(() => undefined);
      if (answer !== undefined) return;
      if (this.socket.destroyed) throw new Error('the command channel closed before the guest answered');
    }
  }

  private async ask(id: string, request: string, timeoutMs: number, signal?: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.timeout(timeoutMs);
    const stop = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    stop.throwIfAborted();
    if (this.socket.destroyed) throw new Error('the command channel is closed');
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.waiting.set(id, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
        stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true });
        this.socket.write(request);
      });
    } finally {
      this.waiting.delete(id);
    }
  }
}
