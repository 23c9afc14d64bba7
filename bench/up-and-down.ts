/** Contenders that make something and take it away again, both measured. */
import type { Benchmark } from './benchmark.js';
import { type Contender, measureInRounds, type Sample } from './rounds.js';

export interface Maker {
  readonly name: string;
  up(): Promise<unknown>;
  /** Whether all of it is there; not measured. @throws Error when it is not. */
  check?(): Promise<void>;
  down(): Promise<unknown>;
}

/** Milliseconds of each, in the order of the makers. */
export async function measureUpAndDown(
  makers: readonly Maker[],
  bench: Pick<Benchmark, 'runs' | 'scope'>,
): Promise<{ up: Sample[]; down: Sample[] }> {
  const downMs = makers.map(() => [] as number[]);
  const contenders = makers.map((maker, index): Contender => {
    const measure = async (): Promise<number> => {
      const upMs = await timed(() => maker.up());
      await maker.check?.();
      downMs[index]!.push(await timed(() => maker.down()));
      return upMs;
    };
    return { name: maker.name, measure };
  });
  const up = await measureInRounds('up (ms)', contenders, bench);
  return { up, down: up.map(({ name, failures }, index) => ({ name, values: downMs[index]!, failures })) };
}

/** @returns milliseconds. */
export async function timed(task: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await task();
  return performance.now() - startedAtMs;
}
