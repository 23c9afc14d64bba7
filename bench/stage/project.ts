/** A project that is brought up by the command itself, as a person does it. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectFabric } from '../../src/clients/fabric/client.js';
import { runProcess, waitUntil } from './processes.js';
import type { Scope } from './scope.js';

const COMMAND = fileURLToPath(new URL('../../bin/passerelle', import.meta.url));
const VERB_TIMEOUT_MS = 60_000;
/** Loaded into the command before anything else: at its end it writes down how large it has been, in KiB. */
const WRITE_PEAK =
  "data:text/javascript,import{writeFileSync}from'fs';process.on('exit',()=>writeFileSync(process.env.PEAK_FILE,`${process.resourceUsage().maxRSS}`))";

type Verb = 'up' | 'plan' | 'down' | 'validate';

/** What one run of the command took. */
export interface Effort {
  readonly timeMs: number;
  /** Largest resident size of the command's own process. */
  readonly peakBytes: number;
}

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

  async run(verb: Verb): Promise<void> {
    await this.#run([verb]);
  }

  /** What a person would type for `up`; only as long as it is not up. */
  async commands(): Promise<string> {
    // Its exit status says that there is something to do.
    return this.#run(['plan', '--commands'], {}, ['sh', '-c', '"$@" || [ $? = 3 ]', 'sh']);
  }

  async measure(verb: Verb): Promise<Effort> {
    const peakFile = join(this.directory, 'peak');
    const startedAtMs = performance.now();
    await this.#run([verb], { PEAK_FILE: peakFile, NODE_OPTIONS: `--import ${WRITE_PEAK}` });
    const timeMs = performance.now() - startedAtMs;
    return { timeMs, peakBytes: Number(await readFile(peakFile, 'utf8')) * 1024 };
  }

  async #run(
    words: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    around: readonly string[] = [],
  ): Promise<string> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    return runProcess(this.scope, [...around, COMMAND, ...words, '-f', this.file], {
      timeoutMs: VERB_TIMEOUT_MS,
      environment: { ...this.#environment, ...environment },
    });
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
