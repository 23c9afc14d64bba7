import { readFile } from 'node:fs/promises';

/**
 * When a process started, in clock ticks since boot: with the pid it names one process for good (proc(5), field 22).
 * `undefined` when no such process lives; a zombie does not live.
 */
export async function processStartTicks(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command name stands in brackets and may hold anything, brackets and spaces included: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  return state === 'Z' || state === 'X' ? undefined : fields[19];
}
