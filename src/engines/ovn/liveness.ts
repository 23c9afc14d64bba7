/**
 * Whether OVN's two daemons work. ovn-northd holds a lock in the southbound database while it does (the standby waits for
 * it), so who is refused that lock knows that it runs. ovn-controller leaves its row there when it is killed; on this host
 * its pid says.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { processStartTicks } from '../../plan/process-identity.js';

/** Lock of the active ovn-northd (ovn-northd(8)). */
const NORTHD_LOCK = 'ovn_northd';

/** @param southbound a connection that is closed soon. */
export async function isNorthdWorking(southbound: OvsdbDatabase, signal: AbortSignal): Promise<boolean> {
  const { connection } = southbound;
  const reply = await connection.request('lock', [NORTHD_LOCK], signal);
  await connection.request('unlock', [NORTHD_LOCK], signal);
  const isOurs = typeof reply === 'object' && reply !== null && 'locked' in reply && reply.locked === true;
  return !isOurs;
}

/** `undefined` where it cannot be told: another process table, another run directory. */
export async function isControllerAlive(runDirectory: string): Promise<boolean | undefined> {
  const text = await readFile(join(runDirectory, 'ovn-controller.pid'), 'utf8').catch(() => undefined);
  const pid = Number.parseInt(text ?? '', 10);
  return Number.isInteger(pid) ? (await processStartTicks(pid)) !== undefined : undefined;
}
