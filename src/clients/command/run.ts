/**
 * Running other people's programs: argument lists only, never a shell; input on standard input, output collected up to a
 * bound, the signal ends the program. A namespace runs the program in a named network namespace (ip-netns(8)), which is
 * also where its `/proc/sys/net` is.
 */
import { anySignal } from '../../abort-signals.js';
import { spawn } from 'node:child_process';
import { PasserelleError } from '../../errors.js';

/** Output beyond this ends the program: a listing of 100,000 links is about half of it. */
const OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024;

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one program to its end. A refusal by the program is a result, not an error.
 * @throws PasserelleError `command/not-found` when it is not installed; the signal's reason when aborted.
 */
export interface Run {
  (
    argv: readonly string[],
    options: { readonly signal: AbortSignal; readonly input?: string },
  ): Promise<CommandResult>;
  /** It runs programs where this process is: what they would read in `/proc/sys/net`, this process can read itself. */
  readonly isHere?: boolean;
}

/** Programs in this process's own network namespace, or in the named one: always the same function for the same place. */
export function runnerIn(namespace?: string): Run {
  const known = runners.get(namespace);
  if (known !== undefined) return known;
  const run: Run = Object.assign(
    (...[argv, options]: Parameters<Run>) => spawnAndCollect(argumentsIn(namespace, argv), options),
    { isHere: namespace === undefined },
  );
  runners.set(namespace, run);
  return run;
}

const runners = new Map<string | undefined, Run>();

/** ip goes there by itself, which is cheaper than a mount namespace around it. */
export function argumentsIn(namespace: string | undefined, argv: readonly string[]): readonly string[] {
  if (namespace === undefined) return argv;
  return argv[0] === 'ip'
    ? ['ip', '-n', namespace, ...argv.slice(1)]
    : ['ip', 'netns', 'exec', namespace, ...argv];
}

function spawnAndCollect(
  argv: readonly string[],
  options: { readonly signal: AbortSignal; readonly input?: string },
): Promise<CommandResult> {
  // A signal of our own: a caller may run any number of programs at once under one.
  const signal = anySignal([options.signal]);
  const { input } = options;
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(program, rest, { stdio: 'pipe', env: { ...process.env, LC_ALL: 'C' } });
    const onAbort = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', onAbort, { once: true });
    const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
    let sizeBytes = 0;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > OUTPUT_LIMIT_BYTES) child.kill('SIGKILL');
        else output[stream].push(chunk);
      });
    }
    child.on('error', (cause: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', onAbort);
      reject(cause.code === 'ENOENT' ? notFound(program, cause) : cause);
    });
    child.on('close', (exitCode) => {
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) return reject(signal.reason as Error);
      resolve({
        exitCode: exitCode ?? 255,
        stdout: Buffer.concat(output.stdout).toString('utf8'),
        stderr: Buffer.concat(output.stderr).toString('utf8'),
      });
    });
    // A program that ends before it has read everything: its exit status tells, not the broken pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}

function notFound(program: string, cause: Error): PasserelleError {
  return new PasserelleError(
    {
      code: 'command/not-found',
      message: `the program ${program} is not installed`,
      fix: 'run `passerelle doctor`: it names the package',
    },
    1,
    { cause },
  );
}

/** One word for a POSIX shell, quoted only where it must be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
