import { readdir, readFile } from 'node:fs/promises';

/** A process that cannot be mistaken for another: pids are used again, start times with them are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot (proc(5)). */
  readonly startTimeTicks: number;
}

interface ProcessStat extends ProcessIdentity {
  /** Field 3; `Z` and `X` are dead already. */
  readonly state: string;
  readonly sessionId: number;
}

/** @returns undefined when there is no such process. A zombie is no process: nobody may have reaped it yet. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readStat(pid);
  return stat === undefined ? undefined : { pid, startTimeTicks: stat.startTimeTicks };
}

export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await identify(process.pid))?.startTimeTicks === process.startTimeTicks;
}

/**
 * Signals the whole session that the process leads, if that very process still lives.
 * @returns false when it does not.
 */
export async function signalSession(target: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(target))) return false;
  try {
    process.kill(-target.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Looks through all processes for session leaders that carry one of the marks: a whole argument, or a whole
 * `NAME=value` of the environment. What may not be read belongs to somebody else.
 * @returns mark -> process.
 */
export async function findMarked(marks: ReadonlySet<string>): Promise<Map<string, ProcessIdentity>> {
  const found = new Map<string, ProcessIdentity>();
  if (marks.size === 0) return found;
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const words = (await Promise.all([readWords(entry, 'cmdline'), readWords(entry, 'environ')])).flat();
    const mark = words.find((word) => marks.has(word));
    if (mark === undefined) continue;
    const stat = await readStat(Number(entry));
    if (stat === undefined || stat.sessionId !== stat.pid) continue;
    found.set(mark, { pid: stat.pid, startTimeTicks: stat.startTimeTicks });
  }
  return found;
}

/** Reads the text of /proc/PID/stat. The command name, in parentheses, may itself hold spaces and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = '', , , session = ''] = fields;
  const startTimeTicks = Number(fields[19]);
  if (!Number.isInteger(pid) || !Number.isInteger(startTimeTicks)) return undefined;
  return { pid, state, sessionId: Number(session), startTimeTicks };
}

async function readStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const stat = parseStat(text);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat;
}

async function readWords(pid: string, file: 'cmdline' | 'environ'): Promise<string[]> {
  return (await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')).split('\0');
}
