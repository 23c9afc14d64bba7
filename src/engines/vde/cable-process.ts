/**
 * One `vde_plug`: a cable from a port of the switch to something else. It is plugged once the switch shows it in its
 * port, and ends by itself when either of its ends does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { argumentsIn } from '../../clients/command/run.js';
import { cableCommand, switchPortUrl } from '../../clients/vde/programs.js';
import type { SwitchControl } from '../../clients/vde/switch-control.js';
import type { SwitchPort } from '../../clients/vde/tables.js';
import { PasserelleError } from '../../errors.js';
import { stopDaemon } from './daemon.js';
import { readTail } from './log-tail.js';

const PLUG_TIMEOUT_MS = 5_000;
const POLL_MS = 15;

export interface Cable {
  /** `plug-1a2b3c4d`. */
  readonly name: string;
  /** What the switch shows of it. */
  readonly description: string;
  readonly controlDirectory: string;
  readonly number: number;
  readonly end: readonly string[];
  readonly pidFile: string;
  readonly log: string;
}

/** `vde_plug …` as it is run, and as a person may type it. */
export function cableCommandOf({ description, controlDirectory, number, end, pidFile }: Cable): string[] {
  const [first = '', ...rest] = end;
  return cableCommand({
    from: switchPortUrl(controlDirectory, number),
    to: first === '=' ? { command: rest } : { url: first },
    description,
    pidFile,
  });
}

/** Whether the cable is in its port. */
export function isPlugged(port: SwitchPort, description: string): boolean {
  return port.endpoints.some((endpoint) => endpoint.description === description);
}

/**
 * Starts the cable and waits until the switch shows it.
 * @param namespace named network namespace it lives in; undefined: this process's own.
 * @throws PasserelleError `vde/cable-failed` with its last words.
 */
export async function startCable(
  cable: Cable,
  control: SwitchControl,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await stopCable(cable);
  await mkdir(dirname(cable.log), { recursive: true, mode: 0o700 });
  const log = await open(cable.log, 'w', 0o600);
  // In the foreground of a session of its own: as a daemon it would say nothing of what goes wrong.
  const command = cableCommandOf(cable).filter((word) => word !== '--daemon');
  const [program = '', ...words] = argumentsIn(namespace, command);
  const child = spawn(program, words, { detached: true, stdio: ['ignore', log.fd, log.fd], cwd: '/' });
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.unref();
  await log.close();
  const deadlineMs = performance.now() + PLUG_TIMEOUT_MS;
  const hasEnded = (): boolean =>
    failure !== undefined || child.exitCode !== null || child.signalCode !== null;
  try {
    // Once more after it has ended: it may have been plugged for a moment only, and then it failed.
    while (!hasEnded() && performance.now() < deadlineMs) {
      const port = await control.port(cable.number);
      if (port !== undefined && isPlugged(port, cable.description)) {
        // The switch shows it before the other end is tried.
        await delay(POLL_MS, undefined, { signal });
        if (!hasEnded()) return;
        break;
      }
      await delay(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    await end(cable, child);
    throw error;
  }
  await end(cable, child);
  const said = failure ?? (await readTail(cable.log));
  throw new PasserelleError({
    code: 'vde/cable-failed',
    message: `the cable to ${cable.end.join(' ')} could not be plugged${said === '' ? '' : `: ${said}`}`,
    fix: `try it by hand: vde_plug ${cable.end.join(' ')}`,
  });
}

/** Also one that has not come to write its pid file. */
async function end(cable: Cable, child: ChildProcess): Promise<void> {
  await stopCable(cable);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

/** Ends the cable. None there is fine. */
export async function stopCable(cable: Pick<Cable, 'pidFile'>): Promise<void> {
  await stopDaemon(cable.pidFile);
}
