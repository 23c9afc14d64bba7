import { anySignal, timeLimited } from '../../../abort-signals.js';
import type { Run } from '../../../clients/command/run.js';
import {
  type InterfaceAddress,
  type Link,
  readAddresses,
  readLinks,
} from '../../../clients/iproute/links.js';
import type { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { numberOf, textOf } from '../../../clients/ovsdb/datum.js';
import type { Tables } from '../../../clients/ovsdb/replica.js';
import type { Resource } from '../../../plan/resource.js';
import { deadCaptures } from '../capture/capture-marks.js';
import { type DumpedFlow, meterIn } from '../flows/flow-text.js';
import { dumpFlows, dumpMeters } from '../flows/ofctl.js';
import { findDatabase, openDatabase, type OvsHost } from '../host/host.js';
import { eachOf, linksByName, readShielded, viewNamespaces } from '../../open-vswitch/kernel-view.js';
import { markedNic } from '../../open-vswitch/owner.js';
import { ownerOf } from '../identity.js';
import type { HostState } from './host-state.js';
import { readKeys } from '../database/ipsec.js';
import { namespaceIn, pskFileIn } from './observed-ports.js';
import { observedResources } from './observed.js';
import type { MeterProperties } from '../resources.js';
import { readSnapshot } from '../database/snapshot.js';
import { waitingUplinks } from '../uplink/uplink-files.js';

/** Bridges asked for their flows at a time. */
const BRIDGES_AT_ONCE = 4;
const CATCH_UP_MS = 2000;

export interface KernelState {
  /** By name. */
  readonly links: ReadonlyMap<string, Link>;
  readonly addresses: readonly InterfaceAddress[];
}

/** Reads what else belongs to the same moment, from the kernel's view of it. */
export type Alongside = (kernel: KernelState) => Promise<Resource[]>;

/**
 * What stands and is ours, with what is read alongside. @param directory where watchdogs of uplinks have their files. Where no database server answers and no tap of ours stands,
 * nothing stands in the switch.
 * @throws PasserelleError `ovsdb/unreachable` when taps of ours stand, so that something of ours is surely in there.
 */
export async function observeOvs(
  host: OvsHost,
  project: string,
  directory: string,
  alongside: Alongside,
  signal: AbortSignal,
): Promise<Resource[]> {
  const database = (await findDatabase(host, signal)) ?? (await databaseOfTaps(host, project, signal));
  if (database === undefined) return alongside(await readKernel(host.run, signal));
  try {
    // What others have seen meanwhile was before the switch did what it was told.
    const moment = (await untilCaughtUp(database, signal)) ? anySignal([signal]) : signal;
    const kernel = await readKernel(host.run, moment);
    const [state, others] = await Promise.all([
      readState(host, database, kernel, project, directory, signal),
      alongside(kernel),
    ]);
    return [...observedResources(state), ...others];
  } finally {
    database.close();
  }
}

/** Waits for the server when there are taps of ours. */
async function databaseOfTaps(
  host: OvsHost,
  project: string,
  signal: AbortSignal,
): Promise<OvsdbDatabase | undefined> {
  const links = await readLinks(host.run, signal);
  const hasTaps = links.some((link) => markedNic(ownerOf(project), link.altnames) !== undefined);
  return hasTaps ? openDatabase(host, signal) : undefined;
}

async function readKernel(run: Run, signal: AbortSignal): Promise<KernelState> {
  const [links, addresses] = await Promise.all([linksByName(run, signal), readAddresses(run, signal)]);
  return { links, addresses };
}

async function readState(
  host: OvsHost,
  database: OvsdbDatabase,
  kernel: KernelState,
  project: string,
  directory: string,
  signal: AbortSignal,
): Promise<HostState> {
  const { run } = host;
  const snapshot = await readSnapshot(database, project, signal);
  const reading = Promise.all([
    readShielded(run, ownerOf(project), signal),
    viewNamespaces(run, ownerOf(project), new Set([...snapshot.ports.values()].map(namespaceIn)), signal),
  ]);
  const bridges = [...snapshot.bridges.values()].map((row) => textOf(row, 'name') ?? '');
  const flows = new Map<string, DumpedFlow[]>();
  const meters = new Map<string, Map<number, MeterProperties>>();
  await eachOf(bridges, BRIDGES_AT_ONCE, async (bridge) => {
    const dumped = await dumpFlows(run, bridge, signal);
    flows.set(bridge, dumped);
    if (dumped.some(({ text }) => meterIn(text) !== undefined))
      meters.set(bridge, await dumpMeters(run, bridge, signal));
  });
  const [shielded, inside] = await reading;
  const waiting = new Set(await waitingUplinks(directory));
  const addressed = new Set(
    kernel.addresses.filter(({ scope }) => scope !== 'link').map(({ ifname }) => ifname),
  );
  return {
    project,
    snapshot,
    links: kernel.links,
    addressed,
    shielded,
    waiting,
    keys: await readKeys([...snapshot.ports.values()].flatMap((rows) => pskFileIn(rows) ?? [])),
    deadCaptures: await deadCaptures(snapshot),
    inside,
    flows,
    meters,
  };
}

/**
 * A switch that is just starting has not done yet what the database says: it is given a moment, so that what is seen is
 * what will stay. One that does not run is not waited for long. @returns whether there was something to wait for.
 */
async function untilCaughtUp(database: OvsdbDatabase, signal: AbortSignal): Promise<boolean> {
  const [row = new Map()] = await database.select('Open_vSwitch', [], ['cur_cfg', 'next_cfg'], signal);
  const wanted = numberOf(row, 'next_cfg') ?? 0;
  if ((numberOf(row, 'cur_cfg') ?? 0) >= wanted) return false;
  const monitor = await database.monitor({ Open_vSwitch: ['cur_cfg'] }, signal);
  const limited = timeLimited(signal, CATCH_UP_MS);
  const hasCaughtUp = (tables: Tables) =>
    [...(tables.get('Open_vSwitch')?.values() ?? [])].some(
      (each) => (numberOf(each, 'cur_cfg') ?? 0) >= wanted,
    );
  await monitor.until(hasCaughtUp, limited).catch((error: unknown) => {
    if (signal.aborted || !limited.aborted) throw error;
  });
  await monitor.stop(signal);
  return true;
}
