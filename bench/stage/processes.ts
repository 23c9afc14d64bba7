import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Scope } from './scope.js';

const STOP_TIMEOUT_MS = 3_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const POLL_MS = 10;

export interface Running {
  readonly pid: number;
  /** Standard output and standard error so far, at most the last 16 MiB. */
  output(): string;
  /** Its exit status, or the name of the signal that ended it; undefined while it runs. */
  ended(): number | NodeJS.Signals | undefined;
  /** SIGTERM, then SIGKILL after three seconds. */
  readonly stop: () => Promise<void>;
}

/** Starts a program that serves until the scope closes. Its standard input stays open, for some end when it does. */
export function startProcess(
  scope: Scope,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Running {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { stdio: 'pipe', env: { ...process.env, ...environment } });
  let output = '';
  let end: number | NodeJS.Signals | undefined;
  const gone = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      output += `${program}: ${error.message}\n`;
      end = 127;
      resolve();
    });
    child.on('exit', (status, signal) => {
      end = signal ?? status ?? 255;
      resolve();
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT_BYTES);
    });
  }
  child.stdin.on('error', () => undefined);
  const running: Running = {
    pid: child.pid ?? 0,
    output: () => output,
    ended: () => end,
    stop: async () => {
      if (end !== undefined) return;
      child.kill('SIGTERM');
      const harder = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(harder);
    },
  };
  scope.defer(running.stop);
  return running;
}

/**
 * Runs a program to its end.
 * @returns its standard output. @throws Error with its words when it fails or takes longer than `timeoutMs`.
 */
export async function runProcess(
  scope: Scope,
  argv: readonly string[],
  options: {
    readonly timeoutMs?: number;
    readonly input?: string;
    readonly environment?: NodeJS.ProcessEnv;
  } = {},
): Promise<string> {
  const { timeoutMs = 10_000, input = '', environment = {} } = options;
  const [program = '', ...rest] = argv;
  scope.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: 'pipe', env: { ...process.env, ...environment } });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        if (output[name].length < MAX_OUTPUT_BYTES) output[name] += chunk.toString('utf8');
      });
    }
    let reason: string | undefined;
    const kill = (why: string): void => {
      reason ??= why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => kill(`not done after ${timeoutMs / 1000} s`), timeoutMs);
    const onAbort = (): void => kill('interrupted');
    scope.signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      scope.signal.removeEventListener('abort', onAbort);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('close', (status, signal) => {
      settle();
      if (status === 0) resolve(output.stdout);
      else {
        const said = `${output.stderr}\n${output.stdout}`.trim().split('\n').slice(0, 5).join(' / ');
        reject(new Error(`${argv.join(' ')}: ${reason ?? `ended with ${status ?? signal}`}: ${said}`));
      }
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** The last thing a program said. */
export function lastLine(running: Running): string {
  return running.output().trim().split('\n').at(-1) ?? '';
}

/** Polls until `holds`. @throws Error naming `what` after `timeoutMs`. */
export async function waitUntil(
  scope: Scope,
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`no ${what} after ${timeoutMs / 1000} s`);
    await delay(POLL_MS, undefined, { signal: scope.signal });
  }
}

/** Waits for words in what the program prints. @throws Error with its output when it ends without them. */
export async function waitForOutput(
  scope: Scope,
  running: Running,
  words: string | RegExp,
  timeoutMs?: number,
): Promise<void> {
  await waitUntil(
    scope,
    `${String(words)} in the output`,
    () => {
      const output = running.output();
      if (typeof words === 'string' ? output.includes(words) : words.test(output)) return true;
      if (running.ended() !== undefined)
        throw new Error(`ended with ${running.ended()}: ${output.slice(-500)}`);
      return false;
    },
    timeoutMs,
  );
}
