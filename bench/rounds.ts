/**
 * Contenders measured in turn: each run measures all of them once before the next begins, so that what else the machine
 * does falls on all alike.
 */
import type { Benchmark } from './benchmark.js';
import { quantity, ratio } from './report/quantity.js';
import { tell } from './report/progress.js';

/** One that never worked is not tried more often than this: a transfer that stands still takes its time. */
const MAX_FIRST_FAILURES = 2;

/** What is compared: this project, or a peer. */
export interface Contender {
  readonly name: string;
  /** One run. Rejects when it fails; the others go on. Absent: nothing that this contender could do. */
  readonly measure?: (() => Promise<number>) | undefined;
}

/** What the runs of one contender gave. */
export interface Sample {
  readonly name: string;
  readonly values: readonly number[];
  /** Why runs failed; a failed run is no figure. */
  readonly failures: readonly string[];
}

/**
 * With BENCH_ONLY=NAME in the environment only that contender runs, with BENCH_FIGURE=WORDS only what is called like that;
 * the others have no figures.
 */
export async function measureInRounds(
  what: string,
  contenders: readonly Contender[],
  { runs, scope }: Pick<Benchmark, 'runs' | 'scope'>,
): Promise<Sample[]> {
  const samples = contenders.map(({ name }) => ({ name, values: [] as number[], failures: [] as string[] }));
  const only = process.env['BENCH_ONLY'];
  if (!what.includes(process.env['BENCH_FIGURE'] ?? '')) return samples;
  for (let run = 0; run < runs; run++) {
    for (const [index, contender] of contenders.entries()) {
      const { values, failures } = samples[index]!;
      if (contender.measure === undefined || (only !== undefined && only !== contender.name)) continue;
      if (values.length === 0 && failures.length >= MAX_FIRST_FAILURES) continue;
      try {
        const value = await contender.measure();
        values.push(value);
        tell(`${what}, ${contender.name}, run ${run + 1}: ${quantity(value)}`);
      } catch (error) {
        scope.signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        failures.push(reason);
        tell(`${what}, ${contender.name}, run ${run + 1} failed: ${reason}`);
      }
    }
  }
  return samples;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('no values have no median');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Cells of a table row: our median, then each peer's with our multiple of it in brackets. The first sample is ours.
 * A contender none of whose runs worked has a dash.
 */
export function comparison(samples: readonly Sample[], unit = ''): string[] {
  const [ours, ...peers] = samples.map(({ values }) => (values.length > 0 ? median(values) : undefined));
  return [
    ours === undefined ? 'failed' : `**${quantity(ours, unit)}**`,
    ...peers.map((theirs) => {
      if (theirs === undefined) return '–';
      return ours === undefined
        ? quantity(theirs, unit)
        : `${quantity(theirs, unit)} (${ratio(ours, theirs)})`;
    }),
  ];
}

/** How to read what `comparison` makes. */
export const COMPARISON = 'In brackets: our figure as a multiple of the peer’s.';

/** One line for each contender some of whose runs failed, with the first reason. */
export function failureNotes(what: string, samples: readonly Sample[]): string[] {
  return samples
    .filter(({ failures }) => failures.length > 0)
    .map(
      ({ name, failures, values }) =>
        `${what}, ${name}: ${failures.length} of ${failures.length + values.length} runs failed (${failures[0]})`,
    );
}
