/** A project that is brought up by the command itself, as a person does it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectFabric } from '../../src/clients/fabric/client.js';
import { runProcess, waitUntil } from './processes.js';
import type { Scope } from './scope.js';

const COMMAND = fileURLToPath(new URL('../../bin/passerelle', import.meta.url));
const VERB_TIMEOUT_MS = 60_000;

export class ProjectUnderTest {
  readonly #environment: NodeJS.ProcessEnv;

  /** @param directory for its run and state directories; a short path. */
  constructor(
    private readonly scope: Scope,
    private readonly name: string,
    private readonly file: string,
    private readonly directory: string,
  ) {
    this.#environment = { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: join(directory, 'state') };
  }

  async run(verb: 'up' | 'plan' | 'down'): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const options = { timeoutMs: VERB_TIMEOUT_MS, environment: this.#environment };
    await runProcess(this.scope, [COMMAND, verb, '-f', this.file], options);
  }

  /** Waits until the fabric has given that many leases. */
  async leased(count: number, timeoutMs: number): Promise<void> {
    const socketPath = join(this.directory, 'passerelle', this.name, 'fabric.sock');
    const fabric = await connectFabric(socketPath, this.scope.signal);
    try {
      const given = async (): Promise<number> => (await fabric.call('leases', {})).length;
      await waitUntil(this.scope, `${count} leases`, async () => (await given()) >= count, timeoutMs);
    } finally {
      fabric.close();
    }
  }
}
