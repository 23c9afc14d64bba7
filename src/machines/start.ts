import { anySignal } from '../abort-signals.js';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { QmpClient } from '../clients/qmp/client.js';
import { QmpConnectionError } from '../clients/qmp/message.js';
import { PasserelleError } from '../errors.js';
import { commandLine, isQemu, quoteForShell } from './command-line.js';
import type { MachineDescription } from './description.js';
import { lastLines, openLog } from './log.js';
import { findProgram, missingProgramProblem } from './program.js';
import {
  MARK_VARIABLE,
  type MachineFiles,
  type MachineRecord,
  recordProcess,
  removeRunFiles,
  writeRecord,
} from './run-files.js';

/** A QEMU answers on its QMP socket within a fraction of a second; a host that swaps may need this long, ms. */
const QMP_LIMIT_MS = 30_000;
const QMP_RETRY_MS = 15;
/** A program without QMP counts as started when it lives this long, ms. */
const SETTLE_MS = 100;

/**
 * Starts a machine in a session of its own, so that it outlives this command, and waits until it answers.
 * @throws PasserelleError `machine/command-missing`, or `machine/start-failed` with the end of its log; then nothing
 * of it is left.
 */
export async function startMachine(
  files: MachineFiles,
  description: MachineDescription,
  record: MachineRecord,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const [program = '', ...args] = commandLine(description, files.qmpSocket);
  const found = await findProgram(program, description.directory, environment['PATH'] ?? '/usr/bin:/bin');
  if (found === undefined) throw new PasserelleError(missingProgramProblem(files.name, program));

  await writeRecord(files, record);
  await Promise.all([files.qmpSocket, files.pid].map((path) => rm(path, { force: true })));
  const header = `${new Date().toISOString()} ${files.name}: ${quoteForShell([program, ...args])}`;
  const { file, startBytes } = await openLog(files.log, header);
  let child: ChildProcess | undefined;
  const given: FileHandle[] = [];
  try {
    const descriptors = await openDescriptors(files, description, given);
    child = spawn(found, args, {
      argv0: program,
      cwd: description.directory,
      detached: true,
      env: { ...environment, [MARK_VARIABLE]: files.directory },
      stdio: ['ignore', file.fd, file.fd, ...descriptors],
    });
    // Listens from the start: a program that ends at once must not end unseen.
    const ended = endOf(child);
    if (child.pid !== undefined) await recordProcess(files, child.pid);
    const reason = await (isQemu(description.command)
      ? qmpFailure(files.qmpSocket, ended, signal)
      : settleFailure(ended, signal));
    if (reason === undefined) return;
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
    await removeRunFiles(files);
    throw startFailed(files, reason, await lastLines(files.log, startBytes, 10));
  } finally {
    child?.unref();
    await Promise.all([file, ...given].map((handle) => handle.close()));
  }
}

/** The files that NICs are given open, each at its number; `given` holds them, to be closed here once they are there. */
async function openDescriptors(
  files: MachineFiles,
  { nics }: MachineDescription,
  given: FileHandle[],
): Promise<('ignore' | number)[]> {
  const stdio: ('ignore' | number)[] = [];
  for (const { fd, path } of nics.flatMap(({ descriptors = [] }) => descriptors)) {
    try {
      const handle = await open(path, 'r+');
      given.push(handle);
      while (stdio.length < fd - 3) stdio.push('ignore');
      stdio[fd - 3] = handle.fd;
    } catch (cause) {
      throw startFailed(files, `cannot have ${path}: ${(cause as Error).message}`, []);
    }
  }
  return stdio;
}

/** Resolves when the process has ended, or could not be made at all, with the reason in words. */
async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, endSignal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code === null ? `was ended by ${String(endSignal)}` : `ended with exit status ${code}`;
  } catch (error) {
    return `could not be run: ${(error as Error).message}`;
  }
}

async function qmpFailure(
  socketPath: string,
  ended: Promise<string>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const giveUp = new AbortController();
  const failure = ended.then((reason) => {
    giveUp.abort();
    return reason;
  });
  const attempt = anySignal([signal, giveUp.signal, AbortSignal.timeout(QMP_LIMIT_MS)]);
  while (!attempt.aborted) {
    try {
      const client = await QmpClient.connect(socketPath, attempt);
      client.close();
      return undefined;
    } catch (error) {
      if (!(error instanceof QmpConnectionError) && !attempt.aborted) throw error;
    }
    await delay(QMP_RETRY_MS, undefined, { signal: attempt }).catch(() => undefined);
  }
  signal.throwIfAborted();
  return giveUp.signal.aborted ? failure : `did not answer on ${socketPath} within ${QMP_LIMIT_MS / 1000} s`;
}

async function settleFailure(ended: Promise<string>, signal: AbortSignal): Promise<string | undefined> {
  return Promise.race([ended, delay(SETTLE_MS, undefined, { signal })]);
}

function startFailed(files: MachineFiles, reason: string, lines: readonly string[]): PasserelleError {
  const said = lines.filter((line) => line !== '').map((line) => `\n  ${line}`);
  return new PasserelleError({
    code: 'machine/start-failed',
    message: `machine ${files.name} ${reason}${said.length === 0 ? '' : `; it said:${said.join('')}`}`,
    fix: `mend its command; all it said is in ${files.log}`,
  });
}
