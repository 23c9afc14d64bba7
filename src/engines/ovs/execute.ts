/**
 * A list of changes, carried out. The order, whatever the order asked for: servers that go end; taps come; one
 * transaction of OVSDB for everything that switches (before it another one, if ports are to be taken out and in again);
 * then flows, a bundle a bridge; then the host's own ends and the gateway's rules; last, taps go and servers start.
 * So a port is in the switch before its machine starts, and no tap goes while the switch holds it.
 */
import { runnerIn } from '../../clients/command/run.js';
import type { Link } from '../../clients/iproute/links.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { interfaceSetting } from '../../clients/sysctl/sysctl.js';
import { type Change, subjectOf } from '../../plan/resource.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { carryOut, emptyWork, type KernelWork } from '../kernel-gateway/kernel-work.js';
import { applyFlows, keepFlows } from './flows/flow-changes.js';
import { openDatabase, type OvsHost } from './host/host.js';
import { readKeys } from './database/ipsec.js';
import { propertiesOf } from './resources.js';
import { rowTransactions } from './database/row-changes.js';
import { readSnapshot } from './database/snapshot.js';
import {
  endCaptures,
  handBack,
  type HandOver,
  handOver,
  silenceLeaving,
  uplinkFinder,
} from './uplink/uplink.js';
import { forgetUplinks, settleUplinks, watchUplinks } from './uplink/uplink-watch.js';
import { ownerOf } from './identity.js';
import { commit } from '../open-vswitch/commit.js';
import { segmentMark, nameOf } from '../open-vswitch/owner.js';
import { clearPlaces, stageInside } from '../open-vswitch/inside.js';
import { linksByName, readShielded } from '../open-vswitch/kernel-view.js';
import { stageTapRemovals, stageTaps } from '../open-vswitch/taps.js';

export interface Execution {
  readonly host: OvsHost;
  readonly project: string;
  readonly gateway: KernelGateway;
  /** For batch files. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** @throws PasserelleError of whatever refused; what was done by then is found by the next `observe`. */
export async function executeOvs(execution: Execution, changes: readonly Change[]): Promise<void> {
  const { host, project, gateway, directory, signal } = execution;
  await gateway.retire(changes, signal);
  const database = await openDatabase(host, signal);
  try {
    const coming = emptyWork();
    stageTaps(ownerOf(project), changes, await readShielded(host.run, ownerOf(project), signal), coming);
    await carryOut(host.run, coming, { directory, signal });

    const kept = await keepFlows(host.run, changes, signal);
    const watched = await applyRows(execution, database, changes);
    await applyFlows(host.run, changes, kept, signal);
    await settleUplinks(execution, watched);

    await clearPlaces(runnerIn(), changes, signal);
    const rest = emptyWork();
    // As they are now: with another datapath comes another device.
    const hasBridges = changes.some((change) => subjectOf(change).kind === 'bridge');
    const links = hasBridges ? await linksByName(host.run, signal) : new Map<string, Link>();
    const isMarked = (device: string, mark: string) => links.get(device)?.altnames.includes(mark) ?? false;
    stageBridges(project, changes, isMarked, rest);
    stageInside(changes, rest);
    const knowsForceForwarding = await gateway.knowsForceForwarding(signal);
    for (const change of changes) gateway.stage(change, rest, knowsForceForwarding);
    stageTapRemovals(ownerOf(project), changes, await readShielded(host.run, ownerOf(project), signal), rest);
    await carryOut(host.run, rest, { directory, signal });
  } finally {
    database.close();
  }
  await gateway.serve(changes, signal);
}

async function applyRows(
  execution: Execution,
  database: OvsdbDatabase,
  changes: readonly Change[],
): ReturnType<typeof watchUplinks> {
  const { host, project, directory, signal } = execution;
  const snapshot = await readSnapshot(database, project, signal);
  const find = uplinkFinder(snapshot, await readRoutes(host.run, signal));
  const links = await linksByName(host.run, signal);
  const keys = await readKeys(
    changes.flatMap((change) =>
      change.action !== 'delete' && change.after.kind === 'tunnel'
        ? (propertiesOf(change.after, 'tunnel').pskFile ?? [])
        : [],
    ),
  );
  const { first, main, expected } = rowTransactions(project, changes, snapshot, find, links, keys);
  const moves: HandOver = { run: host.run, project, directory, find, signal };
  await forgetUplinks(directory, changes);
  await endCaptures(moves, changes);
  await handBack(moves, changes);
  const watched = await watchUplinks(execution, changes, find);
  await silenceLeaving(moves, changes);
  if (!first.isEmpty) await commit(database, first.operations(), { bridges: [], interfaces: [] }, signal);
  if (!main.isEmpty) await commit(database, main.operations(), expected, signal);
  await handOver(moves, changes);
  return watched;
}

/** The host's own end of each bridge. Under the userspace datapath it is a device that came with the bridge. */
export function stageBridges(
  project: string,
  changes: readonly Change[],
  isMarked: (device: string, mark: string) => boolean,
  work: KernelWork,
): void {
  for (const change of changes) {
    if (change.action === 'delete' || change.after.kind !== 'bridge') continue;
    const { device, isUp, mac } = propertiesOf(change.after, 'bridge');
    const mark = segmentMark(ownerOf(project), nameOf(change.after.id));
    if (!isMarked(device, mark)) work.linkLines.push(`link property add dev ${device} altname ${mark}`);
    // A gateway is given its addresses; a host of the LAN forms them as it did on its NIC.
    if (mac !== null) {
      work.linkLines.push(`link set dev ${device} addrgenmode none`);
      work.settings.set(interfaceSetting('ipv6', device, 'disable_ipv6'), isUp ? '0' : '1');
    }
    (isUp ? work.finalLinkLines : work.linkLines).push(`link set dev ${device} ${isUp ? 'up' : 'down'}`);
  }
}
