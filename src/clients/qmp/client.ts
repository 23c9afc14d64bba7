import { anySignal } from '../../abort-signals.js';
import { createConnection, type Socket } from 'node:net';
import {
  type QemuVersion,
  QmpCommandError,
  QmpConnectionError,
  type QmpEvent,
  type QmpMessage,
  type QmpObject,
  type QmpValue,
} from './message.js';
import { MessageReader } from './message-reader.js';

/**
 * A client of QEMU's machine protocol, over a unix socket.
 *
 * Theory of operation. QEMU greets, the client leaves negotiation mode with `qmp_capabilities`, and from then on each
 * command carries an id that its reply repeats; events come in between. One monitor serves one client: a second one is
 * accepted by the kernel but hears nothing until the first has left, so `connect` wants a signal with a time limit.
 * Nothing is queued: commands in flight are counted, events go to who listens now. Any byte that is not QMP ends the
 * connection and fails all that waits. Connecting again is the caller's business.
 */

/** Commands that may wait for their replies at once. */
const MAX_COMMANDS_IN_FLIGHT = 64;

interface Waiting {
  readonly command: string;
  readonly resolve: (value: QmpValue) => void;
  readonly reject: (reason: unknown) => void;
}

export class QmpClient {
  private readonly reader = new MessageReader();
  private readonly inFlight = new Map<number, Waiting>();
  private readonly listeners = new Set<(event: QmpEvent) => void>();
  private readonly ended: AbortController = new AbortController();
  private nextId = 1;
  private qemuVersion: QemuVersion | undefined;
  private greeted: (() => void) | undefined;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', (error) => this.end(new QmpConnectionError(error.message, { cause: error })));
    socket.on('close', () => this.end(new QmpConnectionError('QEMU closed the connection')));
  }

  /**
   * Dials once and negotiates.
   * @throws QmpConnectionError when nobody listens or it is not QMP; the signal's reason when that aborts.
   */
  static async connect(socketPath: string, signal: AbortSignal): Promise<QmpClient> {
    signal.throwIfAborted();
    const client = new QmpClient(createConnection(socketPath));
    try {
      await client.until<void>(signal, (resolve) => {
        client.greeted = () => resolve();
      });
      await client.execute('qmp_capabilities', {}, signal);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  get version(): QemuVersion {
    return this.qemuVersion ?? { major: 0, minor: 0, micro: 0 };
  }

  /** Aborts when the connection has ended, whoever ended it; its reason is a QmpConnectionError. */
  get closed(): AbortSignal {
    return this.ended.signal;
  }

  /**
   * @returns what QEMU returned, often `{}`.
   * @throws QmpCommandError when QEMU refuses; QmpConnectionError when the connection ends first; the signal's reason
   * when that aborts, and then the command may or may not be carried out.
   */
  async execute(command: string, args: QmpObject = {}, signal?: AbortSignal): Promise<QmpValue> {
    if (this.inFlight.size >= MAX_COMMANDS_IN_FLIGHT) {
      throw new QmpConnectionError(`${MAX_COMMANDS_IN_FLIGHT} commands wait for QEMU already`);
    }
    const id = this.nextId++;
    try {
      return await this.until<QmpValue>(signal, (resolve, reject) => {
        this.inFlight.set(id, { command, resolve, reject });
        this.socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\r\n`);
      });
    } finally {
      this.inFlight.delete(id);
    }
  }

  /** Calls the listener for each event from now on. @returns what ends that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The first event from now on that matches: call it before the command that causes the event. */
  async waitForEvent(matches: (event: QmpEvent) => boolean, signal: AbortSignal): Promise<QmpEvent> {
    let stopListening: (() => void) | undefined;
    try {
      return await this.until<QmpEvent>(signal, (resolve) => {
        stopListening = this.onEvent((event) => {
          if (matches(event)) resolve(event);
        });
      });
    } finally {
      stopListening?.();
    }
  }

  close(): void {
    this.end(new QmpConnectionError('the connection was closed'));
  }

  private end(reason: QmpConnectionError): void {
    if (!this.ended.signal.aborted) this.ended.abort(reason);
    this.socket.destroy();
  }

  /** A promise that also settles when the connection ends or the signal aborts. */
  private until<T>(
    signal: AbortSignal | undefined,
    start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
  ): Promise<T> {
    // A signal of its own for each wait: listeners on one that many share would pile up.
    const over = anySignal(signal === undefined ? [this.ended.signal] : [this.ended.signal, signal]);
    return new Promise<T>((resolve, reject) => {
      if (over.aborted) return reject(over.reason as Error);
      const stop = (): void => reject(over.reason as Error);
      const settled = (): void => over.removeEventListener('abort', stop);
      over.addEventListener('abort', stop, { once: true });
      start(
        (value) => {
          settled();
          resolve(value);
        },
        (reason) => {
          settled();
          reject(reason);
        },
      );
    });
  }

  private receive(chunk: Buffer): void {
    if (this.ended.signal.aborted) return;
    try {
      for (const message of this.reader.push(chunk)) this.dispatch(message);
    } catch (error) {
      if (!(error instanceof QmpConnectionError)) throw error;
      this.end(error);
    }
  }

  private dispatch(message: QmpMessage): void {
    switch (message.kind) {
      case 'greeting':
        this.qemuVersion ??= message.version;
        this.greeted?.();
        return;
      case 'reply':
        this.inFlight.get(message.id)?.resolve(message.value);
        return;
      case 'refusal': {
        if (message.id === undefined) throw new QmpConnectionError(`QEMU: ${message.description}`);
        const waiting = this.inFlight.get(message.id);
        waiting?.reject(new QmpCommandError(waiting.command, message.errorClass, message.description));
        return;
      }
      case 'event':
        for (const listener of this.listeners) listener(message);
    }
  }
}
