/**
 * A host on which one project lives, driven as a person drives it: by `bin/passerelle` and a file. Nothing here knows an
 * engine; what the host is made of is told by who opens the stage.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PASSERELLE = fileURLToPath(new URL('../../bin/passerelle', import.meta.url));
const COMMAND_TIMEOUT_MS = 60_000;
/** `nobody`: who the network runs as when the tests run as root, so that privilege cannot help. */
const ORDINARY_UID = 65534;

export interface StageHost {
  /** Words before every command that put it on the host, such as those of nsenter(1). */
  readonly enter: readonly string[];
  readonly isRoot: boolean;
  readonly environment: NodeJS.ProcessEnv;
}

export interface Started {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<unknown>;
  /** What it has written so far. */
  readonly stdout: () => string;
}

/** The machine that the tests run on, as an ordinary user. */
const THIS_MACHINE: StageHost = { enter: [], isRoot: false, environment: {} };

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Stage {
  readonly directory: string;
  /** Words before every command: how the host is entered, and privilege dropped. */
  readonly #prefix: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #beforeClose: (() => Promise<unknown>)[] = [];

  private constructor(directory: string, prefix: readonly string[], environment: NodeJS.ProcessEnv) {
    this.directory = directory;
    this.#prefix = prefix;
    this.#environment = environment;
  }

  static async open({ enter, isRoot, environment }: StageHost = THIS_MACHINE): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'psl-'));
    const drops = !isRoot && process.getuid?.() === 0;
    if (drops) await chown(directory, ORDINARY_UID, ORDINARY_UID);
    return new Stage(directory, drops ? [...enter, ...dropPrivilege] : enter, environment);
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
      ...this.#environment,
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

  /** Starts a verb and does not wait: for what goes on until it is ended, and for tests that kill it in the middle. */
  start(...words: string[]): Started {
    const [verb = '', ...rest] = words;
    const [program = '', ...args] = [...this.#prefix, PASSERELLE, verb, '-f', this.file, ...rest];
    const child = spawn(program, args, {
      env: this.environment,
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    return {
      pid: child.pid ?? 0,
      kill: (signal) => void child.kill(signal),
      ended: once(child, 'exit'),
      stdout: () => said,
    };
  }

  run(program: string, ...args: string[]): Promise<Outcome> {
    const [first = '', ...rest] = [...this.#prefix, program, ...args];
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

  /** Words before a program that a test starts on the stage by hand; its directory becomes that user's. */
  get within(): readonly string[] {
    if (this.#prefix.length === 0) return [];
    const handOver = `chown ${ORDINARY_UID} "$MICRO_GUEST_DIR" && exec "$@"`;
    return ['sh', '-c', handOver, 'sh', ...this.#prefix];
  }

  /** What is to end before the project is taken down. */
  beforeClose(task: () => Promise<unknown>): void {
    this.#beforeClose.push(task);
  }

  /** Takes everything down and forgets the project. */
  async close(): Promise<void> {
    await Promise.all(this.#beforeClose.map((task) => task()));
    await this.passerelle('down', '--purge');
    await rm(this.directory, { recursive: true, force: true });
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
