/**
 * The watchdog of a change to the uplink. Theory of operation: it is a shell of its own session, started before the first
 * line of the change, and everything it will need stands in files by then, so that neither the death of the terminal, nor
 * of the command, nor a broken network keeps it from its work. Events: the file `committed` appears or the way back is gone
 * (it ends), or the time limit passes (it carries out the way back, writes `reverted`, and ends).
 */
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { argumentsIn } from '../../../clients/command/run.js';

export interface WatchdogFiles {
  /** Lines of `ip -batch` that lead back. */
  readonly wayBack: string;
  readonly committed: string;
  readonly reverted: string;
}

/**
 * `-force`: on the way back every line counts, whatever became of the others. The file `reverted` comes last.
 * $1 way back, $2 committed, $3 reverted, $4 seconds, $5 what comes before the way back, $6 what after it.
 */
const PROGRAM = `
trap '' HUP INT TERM
deadline=$(( $(date +%s) + $4 ))
while [ "$(date +%s)" -lt "$deadline" ]; do
  { [ -e "$2" ] || ! [ -e "$1" ]; } && exit 0
  sleep 0.2
done
{ [ -e "$2" ] || ! [ -e "$1" ]; } && exit 0
sh -c "$5"
ip -force -batch "$1"
sh -c "$6"
: > "$3"
`;

/** Starts it; returns once it runs. The last are lines for a shell, carried out before the way back and after it. */
export async function startWatchdog(
  namespace: string | undefined,
  files: WatchdogFiles,
  wayBack: readonly string[],
  limitMs: number,
  { before = ':', after = ':' }: { readonly before?: string; readonly after?: string } = {},
): Promise<void> {
  await rm(files.committed, { force: true });
  await rm(files.reverted, { force: true });
  await writeFile(files.wayBack, `${wayBack.join('\n')}\n`, { mode: 0o600 });
  const seconds = String(Math.ceil(limitMs / 1000));
  const paths = [files.wayBack, files.committed, files.reverted];
  const shell = ['sh', '-c', PROGRAM, 'passerelle-watchdog', ...paths, seconds, before, after];
  const [program = '', ...rest] = argumentsIn(namespace, shell);
  // `detached` is a session of its own (setsid(2)): no hang-up reaches it.
  const child = spawn(program, rest, { detached: true, stdio: 'ignore', cwd: '/' });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
}

/** Tells the watchdog that the change stays. False when there was none or it has reverted already. */
export async function commitWatchdog(files: WatchdogFiles): Promise<boolean> {
  if (!(await isWaiting(files))) return false;
  await writeFile(files.committed, '');
  return true;
}

/** Whether a watchdog stands by a change that nobody has said a word about. */
export async function isWaiting(files: WatchdogFiles): Promise<boolean> {
  return (await exists(files.wayBack)) && !(await exists(files.committed)) && !(await exists(files.reverted));
}

export async function removeWatchdogFiles(files: WatchdogFiles): Promise<void> {
  await Promise.all(Object.values(files).map((path: string) => rm(path, { force: true })));
}

export async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}
