import { timeLimited } from '../abort-signals.js';
import { setTimeout as delay } from 'node:timers/promises';
import { QmpClient } from '../clients/qmp/client.js';
import { isObject } from '../clients/qmp/message.js';
import { PasserelleError } from '../errors.js';
import { type MachineFiles, removeRunFiles } from './run-files.js';
import { isAlive, type ProcessIdentity, signalSession } from './process-table.js';

/** How long each way of stopping may take before the next, harsher one. */
export interface StopLimits {
  /** The guest's own shutdown, by its power button. A guest that does not listen costs this much of `down`. */
  readonly powerdownMs: number;
  /** QEMU's `quit`, which flushes its disks. */
  readonly quitMs: number;
  /** SIGTERM. */
  readonly terminateMs: number;
  /** SIGKILL. */
  readonly killMs: number;
}
export const DEFAULT_STOP_LIMITS: StopLimits = {
  powerdownMs: 3000,
  quitMs: 2000,
  terminateMs: 2000,
  killMs: 5000,
};

const POLL_INTERVAL_MS = 15;
const QMP_LIMIT_MS = 1000;

/**
 * Stops a machine, politely first, and removes its run files.
 * @throws PasserelleError `machine/stop-failed` when it survives SIGKILL (a process stuck in the kernel).
 */
export async function stopMachine(
  files: MachineFiles,
  process: ProcessIdentity,
  speaksQmp: boolean,
  limits: StopLimits,
  signal: AbortSignal,
): Promise<void> {
  const gone = (limitMs: number): Promise<boolean> => waitUntilGone(process, limitMs, signal);
  const stopped =
    (speaksQmp && (await stopByMonitor(files.qmpSocket, limits, gone, signal))) ||
    (await bySignal(process, 'SIGTERM', limits.terminateMs, gone)) ||
    (await bySignal(process, 'SIGKILL', limits.killMs, gone));
  if (!stopped) {
    throw new PasserelleError({
      code: 'machine/stop-failed',
      message: `machine ${files.name}, process ${process.pid}, survived SIGKILL`,
      fix: `look at what it waits for: cat /proc/${process.pid}/stack; then: passerelle down`,
    });
  }
  await removeRunFiles(files);
}

async function stopByMonitor(
  socketPath: string,
  limits: StopLimits,
  gone: (limitMs: number) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  const limit = (): AbortSignal => timeLimited(signal, QMP_LIMIT_MS);
  let client: QmpClient;
  try {
    client = await QmpClient.connect(socketPath, limit());
  } catch {
    signal.throwIfAborted();
    return false;
  }
  try {
    // A guest that is paused hears no power button.
    const status = await client.execute('query-status', {}, limit());
    if (isObject(status) && status['status'] === 'running' && limits.powerdownMs > 0) {
      await client.execute('system_powerdown', {}, limit());
      if (await gone(limits.powerdownMs)) return true;
    }
    // QEMU may close before it replies.
    await client.execute('quit', {}, limit()).catch(() => undefined);
    return await gone(limits.quitMs);
  } catch {
    // A monitor that fails in the middle leaves the signals.
    signal.throwIfAborted();
    return gone(0);
  } finally {
    client.close();
  }
}

async function bySignal(
  process: ProcessIdentity,
  name: NodeJS.Signals,
  limitMs: number,
  gone: (limitMs: number) => Promise<boolean>,
): Promise<boolean> {
  return !(await signalSession(process, name)) || gone(limitMs);
}

async function waitUntilGone(
  process: ProcessIdentity,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const deadlineMs = performance.now() + limitMs;
  while (await isAlive(process)) {
    if (performance.now() >= deadlineMs) return false;
    await delay(POLL_INTERVAL_MS, undefined, { signal });
  }
  return true;
}
