/**
 * The fabric's process: started detached so that it outlives the command, found again by its control socket, stopped by
 * asking and then by signal. Time-outs: 10 s to answer after the start, 5 s to end after being asked.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { builtProgram } from '../../built-program.js';
import { connectFabric, type FabricClient } from '../../clients/fabric/client.js';
import { PasserelleError } from '../../errors.js';
import { processStartTicks } from '../../plan/process-identity.js';
import type { EngineContext } from '../contract.js';

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 25;

export function controlSocketPath(context: EngineContext): string {
  return join(context.places.runDir, 'fabric.sock');
}

export function fabricLogPath(context: EngineContext): string {
  return join(context.places.stateDir, 'logs', 'fabric.log');
}

/** A connection to the running fabric, or `undefined` when none runs. */
export async function findFabric(
  context: EngineContext,
  signal: AbortSignal,
): Promise<FabricClient | undefined> {
  try {
    return await connectFabric(controlSocketPath(context), signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

/**
 * Starts a fabric and waits until it answers.
 * @throws PasserelleError `user/fabric-start-failed` with the end of its log.
 */
export async function startFabric(context: EngineContext, signal: AbortSignal): Promise<FabricClient> {
  const { runDir, stateDir } = context.places;
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  mkdirSync(join(stateDir, 'logs'), { recursive: true, mode: 0o700 });
  const log = openSync(fabricLogPath(context), 'a', 0o600);
  const child = spawn(
    process.execPath,
    [
      builtProgram('fabric/main.js'),
      '--project',
      context.project,
      '--run-dir',
      runDir,
      '--state-dir',
      stateDir,
    ],
    { detached: true, stdio: ['ignore', log, log], cwd: '/' },
  );
  closeSync(log);
  child.unref();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    signal.throwIfAborted();
    const client = await findFabric(context, signal);
    if (client !== undefined) return client;
    await delay(POLL_MS);
  }
  if (child.exitCode === null) child.kill('SIGKILL');
  throw new PasserelleError({
    code: 'user/fabric-start-failed',
    message: `the fabric did not start: ${await lastLogLine(context)}`,
    fix: `read ${fabricLogPath(context)}`,
  });
}

/** Asks the fabric to end, then makes it; removes what it leaves. Nothing running is fine. */
export async function stopFabric(context: EngineContext, signal: AbortSignal): Promise<void> {
  const pid = await fabricPid(context);
  const client = await findFabric(context, signal);
  // A fabric that ends before it has answered has done what it was asked.
  await client?.call('shutdown', {}).catch(() => undefined);
  client?.close();
  if (pid !== undefined && !(await ended(pid, STOP_TIMEOUT_MS))) await endBySignal(pid);
  await rm(controlSocketPath(context), { force: true });
  await rm(pidPath(context), { force: true });
}

/** Ends a fabric that does not answer. */
export async function killFabric(context: EngineContext): Promise<void> {
  const pid = await fabricPid(context);
  if (pid !== undefined) await endBySignal(pid);
  await rm(controlSocketPath(context), { force: true });
  await rm(pidPath(context), { force: true });
}

async function endBySignal(pid: number): Promise<void> {
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    try {
      process.kill(pid, name);
    } catch {
      return;
    }
    if (await ended(pid, STOP_TIMEOUT_MS / 2)) return;
  }
}

async function ended(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while ((await processStartTicks(pid)) !== undefined) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function pidPath(context: EngineContext): string {
  return join(context.places.runDir, 'fabric.pid');
}

/** The pid the fabric wrote, if that very process still lives. */
async function fabricPid(context: EngineContext): Promise<number | undefined> {
  const [pid, startTicks] = await readFile(pidPath(context), 'utf8').then(
    (text) => text.trim().split(' '),
    () => [],
  );
  if (pid === undefined || startTicks === undefined) return undefined;
  return (await processStartTicks(Number(pid))) === startTicks ? Number(pid) : undefined;
}

async function lastLogLine(context: EngineContext): Promise<string> {
  const log = await readFile(fabricLogPath(context), 'utf8').catch(() => '');
  return log.trim().split('\n').at(-1) ?? '';
}
