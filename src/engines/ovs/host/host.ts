/** How this engine reaches the host: programs, the database, the kernel's own view. */
import { timeLimited } from '../../../abort-signals.js';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Run, runnerIn } from '../../../clients/command/run.js';
import { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { isConnectionLoss, keepConnected } from '../../../clients/ovsdb/reconnect.js';
import { parseRemote, type Remote } from '../../../clients/ovsdb/remote.js';
import type { Datapath } from '../resources.js';
import { SCHEMA_NEEDS } from '../database/columns.js';

export interface OvsHost {
  readonly run: Run;
  /** Named network namespace that is taken for the host; absent: the one this process is in. */
  readonly namespace?: string;
  readonly remote: Remote;
  /** The datapath that `auto` means here. */
  readonly datapath: Datapath;
  /** How long a change to the uplink may stay open before it is reverted; absent: a minute. */
  readonly commitLimitMs?: number;
  /** Addresses that must go on answering when the uplink changes; absent: whoever is logged in by SSH here. */
  readonly peers?: readonly string[];
}

/** Where Open vSwitch keeps its sockets unless OVS_RUNDIR says otherwise, as for its own tools. */
const RUN_DIRECTORY = '/var/run/openvswitch';
/** Present when the kernel has the openvswitch datapath, loaded or built in. */
const KERNEL_DATAPATH = '/sys/module/openvswitch';

/** This machine's own Open vSwitch. */
export function localHost(environment: NodeJS.ProcessEnv): OvsHost {
  const directory = environment['OVS_RUNDIR'] ?? RUN_DIRECTORY;
  return {
    run: runnerIn(),
    remote: parseRemote(`unix:${join(directory, 'db.sock')}`),
    datapath: existsSync(KERNEL_DATAPATH) ? 'system' : 'netdev',
  };
}

const PATIENCE_MS = 3000;

/**
 * Opens the database; a server that is being restarted is given a few seconds.
 * @throws PasserelleError `ovsdb/unreachable`, `ovsdb/schema-too-old`
 */
export async function openDatabase(host: OvsHost, signal: AbortSignal): Promise<OvsdbDatabase> {
  const limited = timeLimited(signal, PATIENCE_MS);
  return keepConnected(
    {
      open: async (each) => OvsdbDatabase.open(host.remote, 'Open_vSwitch', SCHEMA_NEEDS, each),
      serve: async (database) => Promise.resolve(database),
    },
    limited,
  );
}

/** The database, or `undefined` where no server answers. */
export async function findDatabase(host: OvsHost, signal: AbortSignal): Promise<OvsdbDatabase | undefined> {
  try {
    return await OvsdbDatabase.open(host.remote, 'Open_vSwitch', SCHEMA_NEEDS, signal);
  } catch (error) {
    if (isConnectionLoss(error)) return undefined;
    throw error;
  }
}
