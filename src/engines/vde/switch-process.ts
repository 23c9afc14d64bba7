/**
 * One vde_switch. Started as a daemon; found again by its pid file and its management socket; what it says of itself
 * there is the truth about it. Time-outs: 5 s to answer after the start, 2 s to answer when it is looked at.
 */
import { anySignal } from '../../abort-signals.js';
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from '../../clients/command/run.js';
import { ManagementClient } from '../../clients/vde/management-client.js';
import { switchCommand } from '../../clients/vde/programs.js';
import { SwitchControl } from '../../clients/vde/switch-control.js';
import { PasserelleError } from '../../errors.js';
import { findDaemon, stopDaemon } from './daemon.js';
import { controlDirectory, type NetworkFiles, stableDirectory } from './network-files.js';

const START_TIMEOUT_MS = 5_000;
const LOOK_TIMEOUT_MS = 2_000;
const POLL_MS = 10;

/**
 * One conversation with a switch.
 * @throws PasserelleError `vde/not-running` when no switch listens, and what SwitchControl throws.
 */
export async function withSwitch<T>(
  files: NetworkFiles,
  signal: AbortSignal,
  task: (control: SwitchControl) => Promise<T>,
): Promise<T> {
  let client: ManagementClient;
  try {
    client = await ManagementClient.connect(files.managementSocket, signal);
  } catch (error) {
    if (!isAbsence(error)) throw error;
    throw new PasserelleError(
      {
        code: 'vde/not-running',
        message: `the switch of network ${files.network} does not run`,
        fix: 'run `passerelle up`',
      },
      1,
      { cause: error },
    );
  }
  try {
    return await task(new SwitchControl(client, signal));
  } finally {
    client.close();
  }
}

/** The same within two seconds. @returns undefined when the switch does not answer. */
export async function lookAtSwitch<T>(
  files: NetworkFiles,
  signal: AbortSignal,
  task: (control: SwitchControl) => Promise<T>,
): Promise<T | undefined> {
  const limit = AbortSignal.timeout(LOOK_TIMEOUT_MS);
  try {
    return await withSwitch(files, anySignal([signal, limit]), task);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted || isConversationLost(error)) return undefined;
    throw error;
  }
}

/**
 * Starts the switch and waits until it answers. What an earlier one left is removed first.
 * @throws PasserelleError `vde/switch-start-failed`, `command/not-found`.
 */
export async function startSwitch(
  run: Run,
  files: NetworkFiles,
  settings: { readonly incarnation: number; readonly portCount: number },
  signal: AbortSignal,
): Promise<void> {
  await stopSwitch(files);
  await mkdir(files.directory, { recursive: true, mode: 0o700 });
  // First, so that no switch runs without it, whenever we are killed.
  await symlink(basename(controlDirectory(files, settings.incarnation)), stableDirectory(files));
  const command = switchCommandOf(files, settings);
  const { exitCode, stderr } = await run(command, { signal });
  if (exitCode === 0 && (await answers(files, signal))) return;
  await stopSwitch(files);
  const said = stderr.trim().split('\n').at(-1) ?? '';
  throw new PasserelleError({
    code: 'vde/switch-start-failed',
    message: `vde_switch of network ${files.network} did not start${said === '' ? '' : `: ${said}`}`,
    fix: 'read what it told the system log: journalctl -t vde_switch',
  });
}

/** Whether a switch that was just started comes to answer. */
async function answers(files: NetworkFiles, signal: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  let hasLived = false;
  while (performance.now() < deadlineMs) {
    if ((await lookAtSwitch(files, signal, (control) => control.identity())) !== undefined) return true;
    const lives = (await findDaemon(files.switchPidFile)) !== undefined;
    if (hasLived && !lives) return false;
    hasLived ||= lives;
    await delay(POLL_MS, undefined, { signal });
  }
  return false;
}

/** Ends the switch and removes its sockets. Nothing running is fine. */
export async function stopSwitch(files: NetworkFiles): Promise<void> {
  await stopDaemon(files.switchPidFile);
  await rm(files.managementSocket, { force: true });
  const names = await readdir(files.directory).catch(() => []);
  for (const name of names.filter((one) => one === 'ctl' || one.startsWith('ctl.'))) {
    await rm(join(files.directory, name), { recursive: true, force: true });
  }
}

export function switchCommandOf(
  files: NetworkFiles,
  { incarnation, portCount }: { readonly incarnation: number; readonly portCount: number },
): string[] {
  return switchCommand({
    controlDirectory: controlDirectory(files, incarnation),
    managementSocket: files.managementSocket,
    pidFile: files.switchPidFile,
    portCount,
  });
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}

function isConversationLost(error: unknown): boolean {
  if (!(error instanceof PasserelleError)) return isAbsence(error);
  const codes = new Set(['vde/not-running', 'vde/connection-lost', 'vde/no-answer']);
  return error.problems.some(({ code }) => codes.has(code));
}
