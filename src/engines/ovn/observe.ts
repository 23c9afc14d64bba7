/** Everything of a project that stands on this host and, of what the northbound database has, for this host. Reads only. */
import { type InterfaceAddress, readAddresses } from '../../clients/iproute/links.js';
import type { Link } from '../../clients/iproute/links.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { PasserelleError } from '../../errors.js';
import type { Resource } from '../../plan/resource.js';
import { observedNamespaces } from '../open-vswitch/inside.js';
import { linksByName, readShielded, viewNamespaces } from '../open-vswitch/kernel-view.js';
import { markedNic } from '../open-vswitch/owner.js';
import { observedTaps } from '../open-vswitch/taps.js';
import { type Chassis, findLocal, openLocal, type OvnHost } from './host.js';
import { ownerOf } from './identity.js';
import { internalPorts, observedLocal } from './local/observed.js';
import { type LocalSnapshot, readLocal } from './local/snapshot.js';
import { observedNorthbound } from './northbound/observed.js';
import { openNorthbound } from './northbound/remotes.js';
import { readNorthbound } from './northbound/snapshot.js';

export interface KernelState {
  /** By name. */
  readonly links: ReadonlyMap<string, Link>;
  readonly addresses: readonly InterfaceAddress[];
}

/** Reads what else belongs to the same moment, from the kernel's view of it. */
export type Alongside = (kernel: KernelState) => Promise<Resource[]>;

/**
 * What stands and is ours. Where the host takes no part in OVN, that is nothing in its databases.
 * @throws PasserelleError `ovsdb/unreachable`, `ovn/northbound-unreachable` when something of ours on the host says that
 * there must be more.
 */
export async function observeOvn(
  host: OvnHost,
  project: string,
  alongside: Alongside,
  signal: AbortSignal,
): Promise<Resource[]> {
  const kernel = await readKernel(host, signal);
  const owner = ownerOf(project);
  const hasTaps = [...kernel.links.values()].some((link) => markedNic(owner, link.altnames) !== undefined);
  const local = (await findLocal(host, signal)) ?? (hasTaps ? await openLocal(host, signal) : undefined);
  if (local === undefined) return alongside(kernel);
  try {
    const snapshot = await readLocal(local, project, signal);
    const named = new Set([...snapshot.ports.values()].map(({ namespace }) => namespace));
    const [shielded, inside, northbound, others] = await Promise.all([
      readShielded(host.run, owner, signal),
      viewNamespaces(host.run, owner, named, signal),
      observeNorthbound(host, project, snapshot, hasTaps || snapshot.ports.size > 0, signal),
      alongside(kernel),
    ]);
    const state = { project, snapshot, links: kernel.links, inside };
    return [
      ...northbound,
      ...observedTaps(owner, kernel.links.values(), shielded),
      ...observedLocal(state),
      ...observedNamespaces(owner, { inside, internalPorts: internalPorts(state) }),
      ...others,
    ];
  } finally {
    local.close();
  }
}

/** @param mustBe something of ours stands on the host, and so there is more in the database. */
async function observeNorthbound(
  host: OvnHost,
  project: string,
  { chassis }: LocalSnapshot,
  mustBe: boolean,
  signal: AbortSignal,
): Promise<Resource[]> {
  if (chassis === undefined) return [];
  const database = mustBe
    ? await openNorthbound(host, chassis, signal)
    : await findNorthbound(host, chassis, signal);
  if (database === undefined) return [];
  try {
    return observedNorthbound(await readNorthbound(database, project, signal), chassis.name);
  } finally {
    database.close();
  }
}

/** The northbound database, or `undefined` where it does not answer or cannot be talked to. */
async function findNorthbound(
  host: OvnHost,
  chassis: Chassis,
  signal: AbortSignal,
): Promise<OvsdbDatabase | undefined> {
  try {
    return await openNorthbound(host, chassis, signal);
  } catch (error) {
    if (error instanceof PasserelleError && !signal.aborted) return undefined;
    throw error;
  }
}

async function readKernel({ run }: OvnHost, signal: AbortSignal): Promise<KernelState> {
  const [links, addresses] = await Promise.all([linksByName(run, signal), readAddresses(run, signal)]);
  return { links, addresses };
}
