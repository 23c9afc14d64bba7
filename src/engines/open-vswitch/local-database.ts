/** The database of a host's own Open vSwitch. */
import { join } from 'node:path';
import { timeLimited } from '../../abort-signals.js';
import { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { isConnectionLoss, keepConnected } from '../../clients/ovsdb/reconnect.js';
import { parseRemote, type Remote } from '../../clients/ovsdb/remote.js';
import type { Needs } from '../../clients/ovsdb/schema.js';

/** Where Open vSwitch keeps its sockets unless OVS_RUNDIR says otherwise, as for its own tools. */
const RUN_DIRECTORY = '/var/run/openvswitch';
const DATABASE = 'Open_vSwitch';
const PATIENCE_MS = 3000;

/** This machine's own. */
export function localRemote(environment: NodeJS.ProcessEnv): Remote {
  return parseRemote(`unix:${join(environment['OVS_RUNDIR'] ?? RUN_DIRECTORY, 'db.sock')}`);
}

/**
 * Opens the database; a server that is being restarted is given a few seconds.
 * @throws PasserelleError `ovsdb/unreachable`, `ovsdb/schema-too-old`
 */
export async function openLocalDatabase(
  remote: Remote,
  needs: Needs,
  signal: AbortSignal,
): Promise<OvsdbDatabase> {
  const limited = timeLimited(signal, PATIENCE_MS);
  return keepConnected(
    {
      open: async (each) => OvsdbDatabase.open(remote, DATABASE, needs, each),
      serve: async (database) => Promise.resolve(database),
    },
    limited,
  );
}

/** The database, or `undefined` where no server answers. */
export async function findLocalDatabase(
  remote: Remote,
  needs: Needs,
  signal: AbortSignal,
): Promise<OvsdbDatabase | undefined> {
  try {
    return await OvsdbDatabase.open(remote, DATABASE, needs, signal);
  } catch (error) {
    if (isConnectionLoss(error)) return undefined;
    throw error;
  }
}
