/**
 * The frame of every benchmark: a directory, a time limit, cleaning up whatever happens, and one section of the report on
 * standard output.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { tell } from './report/progress.js';
import { markdownTable } from './report/table.js';
import { isSandboxed } from './stage/sandbox.js';
import { Scope } from './stage/scope.js';

const DEFAULT_RUNS = 3;
const DEFAULT_SECONDS = 2;

export interface Benchmark {
  readonly scope: Scope;
  /** Empty at the start, gone at the end; its path is short enough for unix sockets. */
  readonly directory: string;
  /** BENCH_RUNS: how often each figure is measured. */
  readonly runs: number;
  /** BENCH_SECONDS: how long a measurement by time takes. */
  readonly seconds: number;
  text(paragraph: string): void;
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
  notes(lines: readonly string[]): void;
}

export interface BenchmarkOptions {
  /** It is given up after this; more time where BENCH_RUNS and BENCH_SECONDS ask for more than usual. */
  readonly limitSeconds: number;
  /** Everything is measured once, whatever BENCH_RUNS says. */
  readonly isOnce?: boolean;
}

/**
 * Runs a benchmark and prints its section, `## TITLE` and what `task` says. A benchmark that fails prints why in its
 * section and ends with status 1.
 */
export async function benchmark(
  title: string,
  { limitSeconds, isOnce = false }: BenchmarkOptions,
  task: (benchmark: Benchmark) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new Error(`interrupted by ${name}`)));
  const scope = new Scope(stop.signal);
  const runs = isOnce ? 1 : Math.ceil(positive('BENCH_RUNS', DEFAULT_RUNS));
  const seconds = positive('BENCH_SECONDS', DEFAULT_SECONDS);
  const patience = Math.max(1, (runs * seconds) / (DEFAULT_RUNS * DEFAULT_SECONDS));
  const limitMs = limitSeconds * patience * 1000;
  const timer = setTimeout(() => stop.abort(new Error(`out of time: ${limitMs / 1000} s`)), limitMs);
  const [load = 0] = loadavg();
  const began = new Date();
  const parts: string[] = [];
  const said: string[] = [];
  try {
    const directory = await mkdtemp(join(placeForFiles(), 'b'));
    scope.defer(() => rm(directory, { recursive: true, force: true }));
    await task({
      scope,
      directory,
      runs,
      seconds,
      text: (paragraph) => parts.push(paragraph),
      table: (header, rows) => parts.push(markdownTable(header, rows)),
      notes: (lines) => said.push(...lines),
    });
  } catch (error) {
    const reason = stop.signal.aborted ? (stop.signal.reason as Error).message : String(error);
    tell(`${title}: ${error instanceof Error ? error.stack : reason}`);
    parts.push(`**Failed:** ${reason}`);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
    await scope.close().catch((error: unknown) => {
      tell(`cleaning up: ${String(error)}`);
      process.exitCode = 1;
    });
  }
  const when = began.toISOString().slice(0, 16).replace('T', ' ');
  const tookSeconds = Math.round((Date.now() - began.getTime()) / 1000);
  parts.push(
    ...(said.length > 0 ? [said.map((line) => `- ${line}`).join('\n')] : []),
    `<sub>${when} UTC, ${runs === 1 ? 'one run' : `median of ${runs} runs`}, ${tookSeconds} s in all; load average before: ${load.toFixed(2)}</sub>`,
  );
  process.stdout.write(`## ${title}\n\n${parts.join('\n\n')}\n`);
}

/** The sandbox has memory of its own, which goes with it. */
function placeForFiles(): string {
  return isSandboxed() ? (process.env['XDG_RUNTIME_DIR'] ?? tmpdir()) : tmpdir();
}

function positive(name: string, byDefault: number): number {
  const value = Number(process.env[name] ?? byDefault);
  if (value > 0) return value;
  throw new Error(`${name} has to be a number above zero`);
}
