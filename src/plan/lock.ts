/**
 * One `up` or `down` at a time in a project. The lock is a file that names its holder by pid and process start time, so
 * that a pid used again is not mistaken for the holder, and a holder that was killed does not lock anyone out.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PasserelleError } from '../errors.js';
import { processStartTicks } from './process-identity.js';

interface Holder {
  readonly pid: number;
  readonly startTicks: string;
  readonly verb: string;
}

export interface LockRequest {
  readonly runDir: string;
  /** `up`, `down`: told to whoever waits. */
  readonly verb: string;
  /** How long to wait for another holder, milliseconds. */
  readonly waitMs: number;
  readonly onWait?: (holder: { pid: number; verb: string }) => void;
  readonly signal: AbortSignal;
}

const POLL_MS = 100;

/**
 * Runs `task` while holding the project's lock.
 * @throws PasserelleError `lock/held` when another process still holds it after `waitMs`.
 */
export async function withLock<T>(request: LockRequest, task: () => Promise<T>): Promise<T> {
  const path = join(request.runDir, 'lock');
  const mine: Holder = {
    pid: process.pid,
    startTicks: (await processStartTicks(process.pid)) ?? '',
    verb: request.verb,
  };
  const deadline = Date.now() + request.waitMs;
  let told = false;
  for (;;) {
    const outcome = await tryTake(path, mine);
    if (outcome === 'taken') break;
    if (outcome === 'contended') continue;
    if (!told) request.onWait?.(outcome);
    told = true;
    if (Date.now() >= deadline) {
      throw new PasserelleError({
        code: 'lock/held',
        message: `\`passerelle ${outcome.verb}\` (pid ${outcome.pid}) is working on this project`,
        fix: 'wait for it to end, or stop it; the next run starts from what is really there',
      });
    }
    await delay(POLL_MS, undefined, { signal: request.signal });
  }
  try {
    return await task();
  } finally {
    await rm(path, { force: true });
    // Gone when empty: then nothing of the project is up.
    await rmdir(request.runDir).catch(() => undefined);
  }
}

/** Takes the lock, or says who lives and holds it; `contended` when another claimant moved first: look again. */
async function tryTake(path: string, mine: Holder): Promise<'taken' | 'contended' | Holder> {
  const claim = `${path}.${randomUUID()}`;
  // Each time: whoever held the lock before may have left, and the directory with it.
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(claim, JSON.stringify(mine), { mode: 0o600 });
  try {
    // link(2) is atomic and refuses an existing name: of two claimants one wins.
    if (await linked(claim, path)) return 'taken';
    const holder = await readHolder(path);
    if (holder !== undefined && (await processStartTicks(holder.pid)) === holder.startTicks) return holder;
    await setAside(path, `${claim}.aside`, holder);
    return 'contended';
  } finally {
    await rm(claim, { force: true });
  }
}

/** Removes a dead holder's file; a claimant who moved first has put a living one there, which goes back. */
async function setAside(path: string, aside: string, dead: Holder | undefined): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved !== undefined && (moved.pid !== dead?.pid || moved.startTicks !== dead.startTicks)) {
    await linked(aside, path);
  }
  await rm(aside, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startTicks, verb } = value as Partial<Holder>;
    if (typeof pid !== 'number' || typeof startTicks !== 'string' || typeof verb !== 'string')
      return undefined;
    return { pid, startTicks, verb };
  } catch {
    return undefined;
  }
}
