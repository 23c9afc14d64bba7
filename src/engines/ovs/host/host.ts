/** How this engine reaches the host: programs, the database, the kernel's own view. */
import { type Run, runnerIn } from '../../../clients/command/run.js';
import type { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import type { Remote } from '../../../clients/ovsdb/remote.js';
import { type Datapath, offeredDatapath } from '../../open-vswitch/datapath.js';
import { findLocalDatabase, localRemote, openLocalDatabase } from '../../open-vswitch/local-database.js';
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

/** This machine's own Open vSwitch. */
export function localHost(environment: NodeJS.ProcessEnv): OvsHost {
  return { run: runnerIn(), remote: localRemote(environment), datapath: offeredDatapath() };
}

/**
 * Opens the database; a server that is being restarted is given a few seconds.
 * @throws PasserelleError `ovsdb/unreachable`, `ovsdb/schema-too-old`
 */
export function openDatabase(host: OvsHost, signal: AbortSignal): Promise<OvsdbDatabase> {
  return openLocalDatabase(host.remote, SCHEMA_NEEDS, signal);
}

/** The database, or `undefined` where no server answers. */
export function findDatabase(host: OvsHost, signal: AbortSignal): Promise<OvsdbDatabase | undefined> {
  return findLocalDatabase(host.remote, SCHEMA_NEEDS, signal);
}
