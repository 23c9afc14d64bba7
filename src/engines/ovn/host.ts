/**
 * How this engine reaches the host's Open vSwitch, and through what stands there the databases of OVN: a host takes part in
 * OVN by the `external_ids` of its Open_vSwitch row (ovn-controller(8)), which whoever set OVN up has written.
 */
import type { Run } from '../../clients/command/run.js';
import { runnerIn } from '../../clients/command/run.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { mapOf, type Row } from '../../clients/ovsdb/datum.js';
import type { Remote } from '../../clients/ovsdb/remote.js';
import type { Needs } from '../../clients/ovsdb/schema.js';
import { type Datapath, offeredDatapath } from '../open-vswitch/datapath.js';
import { findLocalDatabase, localRemote, openLocalDatabase } from '../open-vswitch/local-database.js';

export interface OvnHost {
  readonly run: Run;
  /** Named network namespace that is taken for the host; absent: the one this process is in. */
  readonly namespace?: string;
  /** Where the host's own Open vSwitch listens. */
  readonly remote: Remote;
  /** The datapath that `auto` means here. */
  readonly datapath: Datapath;
  /** Where the northbound database listens, in the words of ovn-nbctl(8), commas between several; absent: found out. */
  readonly northbound?: string;
  /** Where OVN keeps its sockets and pids. */
  readonly runDirectory: string;
  /** How long OVN's daemons are waited for at least; absent: ten seconds. */
  readonly patienceMs?: number;
}

const RUN_DIRECTORY = '/var/run/ovn';

/** Tables and columns of the host's own database that this engine reads and writes. */
export const LOCAL_NEEDS = {
  Open_vSwitch: ['next_cfg', 'cur_cfg', 'external_ids', 'ovs_version'],
  Bridge: ['name', 'ports', 'datapath_type', 'external_ids'],
  Port: ['name', 'interfaces', 'external_ids'],
  Interface: ['name', 'type', 'mac', 'mtu_request', 'ofport', 'error', 'external_ids', 'statistics'],
} as const satisfies Needs;

/** This machine, by the variables that Open vSwitch's and OVN's own tools go by. */
export function localHost(environment: NodeJS.ProcessEnv): OvnHost {
  const northbound = environment['OVN_NB_DB'];
  return {
    run: runnerIn(),
    remote: localRemote(environment),
    datapath: offeredDatapath(),
    ...(northbound !== undefined && northbound !== '' && { northbound }),
    runDirectory: environment['OVN_RUNDIR'] ?? RUN_DIRECTORY,
  };
}

/** @throws PasserelleError `ovsdb/unreachable`, `ovsdb/schema-too-old` */
export function openLocal(host: OvnHost, signal: AbortSignal): Promise<OvsdbDatabase> {
  return openLocalDatabase(host.remote, LOCAL_NEEDS, signal);
}

/** The host's own database, or `undefined` where no server answers. */
export function findLocal(host: OvnHost, signal: AbortSignal): Promise<OvsdbDatabase | undefined> {
  return findLocalDatabase(host.remote, LOCAL_NEEDS, signal);
}

/** What makes the host a chassis of OVN. */
export interface Chassis {
  /** `system-id`: the chassis' name in the databases. */
  readonly name: string;
  /** Where the southbound database listens (`ovn-remote`). */
  readonly southbound: string;
  /** The integration bridge (`ovn-bridge`). */
  readonly bridge: string;
  /** Names of the hosts' networks that lead somewhere from here (`ovn-bridge-mappings`). */
  readonly physicalNetworks: readonly string[];
  /** Where tunnels begin and end on this host (`ovn-encap-ip`). */
  readonly encapsulationAddresses: readonly string[];
}

const DEFAULT_BRIDGE = 'br-int';

/** `undefined` when the host takes no part in OVN. @param global the Open_vSwitch row. */
export function chassisOf(global: Row): Chassis | undefined {
  const ids = mapOf(global, 'external_ids');
  const text = (key: string): string | undefined => {
    const value = ids.get(key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [name, southbound] = [text('system-id'), text('ovn-remote')];
  if (name === undefined || southbound === undefined) return undefined;
  return {
    name,
    southbound,
    bridge: text('ovn-bridge') ?? DEFAULT_BRIDGE,
    physicalNetworks: list(text('ovn-bridge-mappings')).map((mapping) => mapping.split(':')[0] ?? ''),
    encapsulationAddresses: list(text('ovn-encap-ip')),
  };
}

function list(text = ''): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** The chassis that this host is, read from its database. */
export async function readChassis(
  database: OvsdbDatabase,
  signal: AbortSignal,
): Promise<Chassis | undefined> {
  const [global = new Map()] = await database.select('Open_vSwitch', [], ['external_ids'], signal);
  return chassisOf(global);
}
