/**
 * Reads that several ask for. Engines look at the same host side by side, and each wants to see all its links: what is
 * asked again while it is being answered is answered once. An answer is kept for as long as one look lasts (`lookUnder`);
 * under any other signal nothing is kept after it.
 */
import { isLook } from '../../abort-signals.js';
import type { Run } from './run.js';

const underWay = new WeakMap<AbortSignal, WeakMap<Run, Map<string, Promise<unknown>>>>();

/**
 * @param run where it is read; the same one for the same place (`runnerIn`).
 * @param what tells apart what is read.
 */
export function sharedRead<T>(
  run: Run,
  signal: AbortSignal,
  what: string,
  read: () => Promise<T>,
): Promise<T> {
  const reads = readsUnder(signal, run);
  const known = reads.get(what) as Promise<T> | undefined;
  if (known !== undefined) return known;
  const forget = (): void => void reads.delete(what);
  const answer = read();
  answer.then(isLook(signal) ? undefined : forget, forget);
  reads.set(what, answer);
  return answer;
}

/** Of one signal: who is told to stop does not stop the reading of another. */
function readsUnder(signal: AbortSignal, run: Run): Map<string, Promise<unknown>> {
  const byRun = underWay.get(signal) ?? new WeakMap<Run, Map<string, Promise<unknown>>>();
  underWay.set(signal, byRun);
  const reads = byRun.get(run) ?? new Map<string, Promise<unknown>>();
  byRun.set(run, reads);
  return reads;
}
