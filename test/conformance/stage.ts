/**
 * A host on which one project lives, driven as a person drives it: by `bin/passerelle` and a file. Guests are plugged in
 * with the flags that `passerelle netdev` prints. Nothing here knows an engine.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildMicroGuest, type Guest, startGuest } from '../lab/guest.js';

const PASSERELLE = fileURLToPath(new URL('../../bin/passerelle', import.meta.url));
const COMMAND_TIMEOUT_MS = 60_000;
/** `nobody`: who the network runs as when the tests run as root, so that privilege cannot help. */
const ORDINARY_UID = 65534;

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Stage {
  readonly directory: string;
  readonly #guests: Guest[] = [];
  readonly #stop = new AbortController();
  /** Words before every command: how privilege is dropped. */
  readonly #ordinary: readonly string[];

  private constructor(directory: string, ordinary: readonly string[]) {
    this.directory = directory;
    this.#ordinary = ordinary;
  }

  static async open(): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'psl-'));
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(directory, ORDINARY_UID, ORDINARY_UID);
    return new Stage(directory, isRoot ? dropPrivilege : []);
  }

  get file(): string {
    return join(this.directory, 'passerelle.yaml');
  }

  async write(yaml: string): Promise<void> {
    await writeFile(this.file, yaml);
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      XDG_RUNTIME_DIR: join(this.directory, 'run'),
      XDG_STATE_HOME: join(this.directory, 'state'),
      HOME: this.directory,
      NO_COLOR: '1',
    };
  }

  /** Runs a verb on the stage's file. */
  passerelle(...words: string[]): Promise<Outcome> {
    const [verb = '', ...rest] = words;
    return this.run(PASSERELLE, verb, '-f', this.file, ...rest);
  }

  /** Runs a verb that has to succeed. @returns its stdout. */
  async must(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.passerelle(...words);
    if (status !== 0)
      throw new Error(`passerelle ${words.join(' ')}: exit status ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.must(...words, '--format', 'json')) as T;
  }

  /** Starts a verb and does not wait, for tests that kill it in the middle. */
  start(...words: string[]): { kill: (signal: NodeJS.Signals) => void; ended: Promise<unknown> } {
    const [verb = '', ...rest] = words;
    const [program = '', ...args] = [...this.#ordinary, PASSERELLE, verb, '-f', this.file, ...rest];
    const child = spawn(program, args, { env: this.environment, cwd: this.directory, stdio: 'ignore' });
    return { kill: (signal) => void child.kill(signal), ended: once(child, 'exit') };
  }

  run(program: string, ...args: string[]): Promise<Outcome> {
    const [first = '', ...rest] = [...this.#ordinary, program, ...args];
    const options = {
      env: this.environment,
      cwd: this.directory,
      timeout: COMMAND_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    };
    return new Promise((resolve) => {
      execFile(first, rest, options, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ status, stdout, stderr });
      });
    });
  }

  /** Boots a machine of the file as a micro guest, with programs of the host that it shall have. */
  async guest(name: string, programs: readonly string[] = []): Promise<Guest> {
    return this.guestWith(name, await this.json<string[]>('netdev', name), programs);
  }

  /** Boots a guest with these flags of QEMU for its NICs: one that the file need not know. */
  async guestWith(name: string, flags: readonly string[], programs: readonly string[] = []): Promise<Guest> {
    await buildMicroGuest(this.#stop.signal);
    const guest = await startGuest(
      { name, nics: [flags], programs, within: this.#within() },
      this.#stop.signal,
    );
    this.#guests.push(guest);
    return guest;
  }

  /** Takes everything down and looks that nothing is left. */
  async close(): Promise<void> {
    await Promise.all(this.#guests.map((guest) => guest.stop()));
    await this.passerelle('down', '--purge');
    this.#stop.abort();
    await rm(this.directory, { recursive: true, force: true });
  }

  #within(): readonly string[] {
    if (this.#ordinary.length === 0) return [];
    const handOver = `chown ${ORDINARY_UID} "$MICRO_GUEST_DIR" && exec "$@"`;
    return ['sh', '-c', handOver, 'sh', ...this.#ordinary];
  }
}

const dropPrivilege: readonly string[] = [
  'setpriv',
  `--reuid=${ORDINARY_UID}`,
  `--regid=${ORDINARY_UID}`,
  '--clear-groups',
  '--no-new-privs',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--',
];
