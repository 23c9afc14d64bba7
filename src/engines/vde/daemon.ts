/**
 * Processes that outlive the command and are found again: each writes its own pid file, whose path is one of its
 * arguments. The process that the file names and whose command line names the file is the one, whatever pid was used
 * again since.
 */
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PasserelleError } from '../../errors.js';
import { processStartTicks } from '../../plan/process-identity.js';

const TERMINATE_TIMEOUT_MS = 2_000;
const KILL_TIMEOUT_MS = 5_000;
const POLL_MS = 10;

/**
 * The pid of the living process whose pid file this is.
 * @param mark the argument that tells it from every other process.
 */
export async function findDaemon(pidFile: string, mark = pidFile): Promise<number | undefined> {
  const pid = parsePid(await readFile(pidFile, 'utf8').catch(() => ''));
  if (pid === undefined || (await processStartTicks(pid)) === undefined) return undefined;
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.split('\0').includes(mark) ? pid : undefined;
}

/**
 * Whether the process lives and is not stopped (SIGSTOP), read at once: for what has to be known before anything is
 * planned.
 */
export function isDaemonWorking(pidFile: string): boolean {
  try {
    const pid = parsePid(readFileSync(pidFile, 'utf8'));
    if (pid === undefined) return false;
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return !'ZXTt'.includes(state) && words.includes(pidFile);
  } catch {
    return false;
  }
}

/**
 * Ends the process with all it started, politely first, and removes its pid file. Nothing running is fine.
 * @throws PasserelleError `vde/stop-failed` when it survives SIGKILL.
 */
export async function stopDaemon(pidFile: string, mark = pidFile): Promise<void> {
  const pid = await findDaemon(pidFile, mark);
  if (pid !== undefined) {
    const startTicks = (await processStartTicks(pid)) ?? '';
    for (const [name, timeoutMs] of [
      ['SIGTERM', TERMINATE_TIMEOUT_MS],
      ['SIGKILL', KILL_TIMEOUT_MS],
    ] as const) {
      signalSession(pid, name);
      // A stopped process hears nothing else.
      signalSession(pid, 'SIGCONT');
      if (await ended(pid, startTicks, timeoutMs)) break;
    }
    if ((await processStartTicks(pid)) === startTicks) {
      throw new PasserelleError({
        code: 'vde/stop-failed',
        message: `process ${pid} survived SIGKILL`,
        fix: `look at what it waits for: cat /proc/${pid}/stack; then: passerelle down`,
      });
    }
  }
  await rm(pidFile, { force: true });
}

function signalSession(pid: number, name: NodeJS.Signals): void {
  try {
    // It leads a session of its own: its children go with it.
    process.kill(-pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function ended(pid: number, startTicks: string, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while ((await processStartTicks(pid)) === startTicks) {
    if (performance.now() > deadlineMs) return false;
    await delay(POLL_MS);
  }
  return true;
}

function parsePid(text: string): number | undefined {
  // Some write more behind it.
  const [, digits] = /^(\d{1,9})(?:\s|$)/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
