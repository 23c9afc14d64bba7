/**
 * The embedded data plane as the gateway of VDE networks: one process for all of them, told over its control socket.
 * Time-outs: 10 s to answer after the start, 10 s for an answer.
 */
import { spawn } from 'node:child_process';
import { mkdir, open, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { builtProgram } from '../../../built-program.js';
import { connectFabric, type FabricClient } from '../../../clients/fabric/client.js';
import { PasserelleError } from '../../../errors.js';
import type { EngineContext } from '../../contract.js';
import { stopDaemon } from '../daemon.js';
import { readTail } from '../log-tail.js';

const START_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
const POLL_MS = 25;

export interface FabricFiles {
  readonly runDir: string;
  readonly stateDir: string;
  readonly controlSocket: string;
  readonly pidFile: string;
  readonly log: string;
}

export function fabricFiles({ places }: EngineContext): FabricFiles {
  const runDir = join(places.runDir, 'vde-gateway');
  return {
    runDir,
    stateDir: join(places.stateDir, 'vde-gateway'),
    controlSocket: join(runDir, 'fabric.sock'),
    pidFile: join(runDir, 'fabric.pid'),
    log: join(places.stateDir, 'logs', 'vde-gateway.log'),
  };
}

/** One conversation with the fabric, with a time limit; `undefined` when none runs. */
export async function withFabric<T>(
  files: FabricFiles,
  signal: AbortSignal,
  task: (fabric: FabricClient) => Promise<T>,
): Promise<T | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  let fabric: FabricClient;
  try {
    fabric = await connectFabric(files.controlSocket, limited);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
  try {
    return await task(fabric);
  } finally {
    fabric.close();
  }
}

/**
 * Starts a fabric, unless one runs, and waits until it answers.
 * @throws PasserelleError `vde/gateway-start-failed` with the end of its log.
 */
export async function startFabric(context: EngineContext, signal: AbortSignal): Promise<void> {
  const files = fabricFiles(context);
  const answers = async (): Promise<boolean> =>
    (await withFabric(files, signal, (fabric) => fabric.call('status', {}))) !== undefined;
  if (await answers()) return;
  await mkdir(files.runDir, { recursive: true, mode: 0o700 });
  await mkdir(join(context.places.stateDir, 'logs'), { recursive: true, mode: 0o700 });
  const log = await open(files.log, 'a', 0o600);
  const [program = '', ...words] = fabricCommand(context);
  const child = spawn(program, words, { detached: true, stdio: ['ignore', log.fd, log.fd], cwd: '/' });
  child.unref();
  await log.close();
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs && child.exitCode === null && child.signalCode === null) {
    if (await answers()) return;
    await delay(POLL_MS, undefined, { signal });
  }
  if (child.exitCode === null) child.kill('SIGKILL');
  throw new PasserelleError({
    code: 'vde/gateway-start-failed',
    message: `the gateway of the VDE networks did not start: ${await readTail(files.log)}`,
    fix: `read ${files.log}`,
  });
}

/** Ends the fabric and removes what it leaves. Nothing running is fine. */
export async function stopFabric(context: EngineContext): Promise<void> {
  const files = fabricFiles(context);
  await stopDaemon(files.pidFile, files.runDir);
  await rm(files.controlSocket, { force: true });
  await rmdir(files.runDir).catch(() => undefined);
}

export function fabricCommand(context: EngineContext): string[] {
  const { runDir, stateDir } = fabricFiles(context);
  const program = builtProgram('fabric/main.js');
  return [
    process.execPath,
    program,
    '--project',
    context.project,
    '--run-dir',
    runDir,
    '--state-dir',
    stateDir,
  ];
}
