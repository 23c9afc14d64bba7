/**
 * One `vde_plug`: a cable from a port of the switch to something else. It is plugged once the switch shows it in its
 * port, and ends by itself when either of its ends does. A shell of its own, which leads the session that it lives in and
 * has its pid file, plugs it in again a second later; what it said last is in its log.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { argumentsIn } from '../../clients/command/run.js';
import { cableCommand, switchPortUrl } from '../../clients/vde/programs.js';
import type { SwitchControl } from '../../clients/vde/switch-control.js';
import type { SwitchPort } from '../../clients/vde/tables.js';
import { PasserelleError } from '../../errors.js';
import { stopDaemon } from './daemon.js';

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

/** $1: the pid file, $2: the log, then the command. */
const PLUG_AGAIN = `echo $$ >"$1"; log=$2; shift 2
while :; do "$@" >"$log" 2>&1; echo "ended with status $?" >>"$log"; sleep 1; done`;
const ENDED = /^ended with status \d+$/m;

/** `vde_plug …` as a person may type it. */
export function cableCommandOf(cable: Cable): string[] {
  return cableCommand({ ...endsOf(cable), pidFile: cable.pidFile });
}

function endsOf({ description, controlDirectory, number, end }: Cable) {
  const [first = '', ...rest] = end;
  return {
    from: switchPortUrl(controlDirectory, number),
    to: first === '=' ? { command: rest } : { url: first },
    description,
  };
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
  await writeFile(cable.log, '', { mode: 0o600 });
  const keeper = ['sh', '-c', PLUG_AGAIN, 'sh', cable.pidFile, cable.log, ...cableCommand(endsOf(cable))];
  const [program = '', ...words] = argumentsIn(namespace, keeper);
  const child = spawn(program, words, { detached: true, stdio: 'ignore', cwd: '/' });
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.unref();
  const deadlineMs = performance.now() + PLUG_TIMEOUT_MS;
  const hasEnded = async (): Promise<boolean> =>
    failure !== undefined ||
    child.exitCode !== null ||
    child.signalCode !== null ||
    ENDED.test(await readFile(cable.log, 'utf8').catch(() => ''));
  try {
    // Once more after it has ended: it may have been plugged for a moment only, and then it failed.
    while (!(await hasEnded()) && performance.now() < deadlineMs) {
      const port = await control.port(cable.number);
      if (port !== undefined && isPlugged(port, cable.description)) {
        // The switch shows it before the other end is tried.
        await delay(POLL_MS, undefined, { signal });
        if (!(await hasEnded())) return;
        break;
      }
      await delay(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    await end(cable, child);
    throw error;
  }
  await end(cable, child);
  const said =
    failure ??
    (await readFile(cable.log, 'utf8').catch(() => '')).replace(ENDED, '').trim().split('\n').at(-1) ??
    '';
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
