/** A real fabric process, told over its control socket what `up` would tell it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectFabric, type FabricClient } from '../../src/clients/fabric/client.js';
import type { FabricLease, FabricOperation, FabricStatus } from '../../src/fabric/control/protocol.js';

const PROGRAM = fileURLToPath(new URL('../../dist/fabric/main.js', import.meta.url));
const START_TIMEOUT_MS = 10_000;

export interface FabricProcessOptions {
  /** Short: it holds unix sockets. Leases in it outlive the process. */
  readonly directory: string;
  /** Words before the command, such as those that enter a network namespace. */
  readonly within?: readonly string[];
}

export class FabricProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #client: FabricClient;
  readonly #connection: AbortController;

  private constructor(child: ChildProcess, client: FabricClient, connection: AbortController) {
    this.#child = child;
    this.#client = client;
    this.#connection = connection;
  }

  /** Resolves when it answers. */
  static async start({ directory, within = [] }: FabricProcessOptions): Promise<FabricProcess> {
    const [runDir, stateDir] = [join(directory, 'run'), join(directory, 'state')];
    await mkdir(runDir, { recursive: true, mode: 0o700 });
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const places = ['--project', 'test', '--run-dir', runDir, '--state-dir', stateDir];
    const [program = '', ...argv] = [...within, process.execPath, PROGRAM, ...places];
    const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    const connection = new AbortController();
    const deadlineMs = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const client = await connectFabric(join(runDir, 'fabric.sock'), connection.signal).catch(
        () => undefined,
      );
      if (client !== undefined) return new FabricProcess(child, client, connection);
      if (child.exitCode !== null || Date.now() > deadlineMs) {
        child.kill('SIGKILL');
        throw new Error('the fabric did not start: is dist/ built?');
      }
      await delay(5);
    }
  }

  async apply(...operations: readonly FabricOperation[]): Promise<void> {
    await this.#client.call('apply', { operations });
  }

  status(): Promise<FabricStatus> {
    return this.#client.call('status', {});
  }

  /** Waits until every port has its machine. */
  async connected(): Promise<void> {
    const deadlineMs = Date.now() + START_TIMEOUT_MS;
    while (!(await this.status()).ports.every((port) => port.connected)) {
      if (Date.now() > deadlineMs) throw new Error('a port has no machine');
      await delay(2);
    }
  }

  leases(): Promise<readonly FabricLease[]> {
    return this.#client.call('leases', {});
  }

  /** Ends it, by default as the kernel would when memory is short. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#connection.abort();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGTERM');
  }
}
