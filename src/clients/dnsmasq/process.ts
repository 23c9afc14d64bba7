/**
 * The running dnsmasq of a configuration file. It is found by its command line rather than by a pid file, so that one
 * whose files were removed, or that was killed before it wrote them, is known for what it is.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';

const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 5;

/** Argument list that starts a dnsmasq; it returns once every address is bound and the process is in the background. */
export function startArguments(configPath: string): string[] {
  return ['dnsmasq', `--conf-file=${configPath}`];
}

/**
 * Configuration path -> pid, of every dnsmasq whose configuration stands below the directory. Read one after the other at
 * once: the kernel answers without waiting, and a host has hundreds of processes, each several turns of the event loop.
 */
export function findProcesses(directory: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const words = commandLine(pid).split('\0');
    const path = words.find((word) => word.startsWith('--conf-file='))?.slice('--conf-file='.length);
    if (path?.startsWith(`${directory}/`) && words[0]?.endsWith('dnsmasq')) found.set(path, Number(pid));
  }
  return found;
}

/** Empty for one that has ended, and for one of the kernel. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** @throws PasserelleError `dnsmasq/refused` with what it said: a port that is taken, a line it does not know. */
export async function startDnsmasq(run: Run, configPath: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await run(startArguments(configPath), { signal });
  if (exitCode === 0) return;
  const reason = stderr.replaceAll(/^dnsmasq: /gm, '').trim();
  throw new PasserelleError({
    code: 'dnsmasq/refused',
    message: `dnsmasq did not start: ${reason || `exit status ${exitCode}`}`,
    fix: reason.includes('in use')
      ? 'another DNS or DHCP server holds the port on every address: `ss -lnup "sport = :53 or sport = :67"` names it'
      : `try it by hand: ${startArguments(configPath).join(' ')} --keep-in-foreground --log-facility=-`,
  });
}

/** Ends it and waits until it is gone; not an error when it is gone already. */
export async function stopDnsmasq(pid: number, signal: AbortSignal): Promise<void> {
  signalProcess(pid, 'SIGTERM');
  const deadlineMs = Date.now() + STOP_TIMEOUT_MS;
  while (await isRunning(pid)) {
    if (Date.now() > deadlineMs) signalProcess(pid, 'SIGKILL');
    await sleep(POLL_MS, undefined, { signal });
  }
}

function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}

/** A zombie has ended: only its parent has not looked yet. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state !== '' && state !== 'Z' && state !== 'X';
}
