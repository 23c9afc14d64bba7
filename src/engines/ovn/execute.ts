/**
 * A list of changes, carried out. The order, whatever the order asked for: servers that go end; taps come; the northbound
 * database is told, in one transaction; then the host's own switch, in one too (before it another one, if ports are to be
 * taken out and in again); then both are waited for; then the host's own ends and the gateway's rules; last, taps go and
 * servers start. So a port has its logical port before it joins, and no tap goes while the switch holds it.
 */
import { runnerIn } from '../../clients/command/run.js';
import type { Link } from '../../clients/iproute/links.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { textOf } from '../../clients/ovsdb/datum.js';
import type { Problem } from '../../errors.js';
import { PasserelleError } from '../../errors.js';
import { type Change, subjectOf } from '../../plan/resource.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { carryOut, emptyWork } from '../kernel-gateway/kernel-work.js';
import { commit } from '../open-vswitch/commit.js';
import { clearPlaces, stageInside } from '../open-vswitch/inside.js';
import { linksByName, readShielded } from '../open-vswitch/kernel-view.js';
import { stageTapRemovals, stageTaps } from '../open-vswitch/taps.js';
import { type Chassis, openLocal, type OvnHost, readChassis } from './host.js';
import { stageHostPorts } from './host-port.js';
import { ownerOf } from './identity.js';
import { isInstalledRow } from './local/observed.js';
import { isLocal, localTransactions } from './local/rows.js';
import { readLocal } from './local/snapshot.js';
import { isNorthbound, northboundOperations } from './northbound/changes.js';
import {
  changeNorthbound,
  PATIENCE_MS,
  PATIENCE_PER_OPERATION_MS,
  untilCarriedOut,
  untilSeen,
} from './northbound/commit.js';
import { openNorthbound } from './northbound/remotes.js';
import { readNorthbound } from './northbound/snapshot.js';
import { propertiesOf } from './resources.js';

export interface Execution {
  readonly host: OvnHost;
  readonly project: string;
  readonly gateway: KernelGateway;
  /** For batch files. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** @throws PasserelleError of whatever refused; what was done by then is found by the next `observe`. */
export async function executeOvn(execution: Execution, changes: readonly Change[]): Promise<void> {
  const { host, project, gateway, directory, signal } = execution;
  const owner = ownerOf(project);
  await gateway.retire(changes, signal);
  const coming = emptyWork();
  stageTaps(owner, changes, await readShielded(host.run, owner, signal), coming);
  await carryOut(host.run, coming, { directory, signal });

  const concerned = changes.some((change) => isNorthbound(subjectOf(change)) || isLocal(subjectOf(change)));
  if (concerned) await changeDatabases(execution, changes);

  await clearPlaces(runnerIn(), changes, signal);
  const rest = emptyWork();
  const hasHostPorts = changes.some((change) => subjectOf(change).kind === 'host-port');
  const links = hasHostPorts ? await linksByName(host.run, signal) : new Map<string, Link>();
  const isMarked = (device: string, mark: string) => links.get(device)?.altnames.includes(mark) ?? false;
  stageHostPorts(project, changes, isMarked, rest);
  stageInside(changes, rest);
  const knowsForceForwarding = await gateway.knowsForceForwarding(signal);
  for (const change of changes) gateway.stage(change, rest, knowsForceForwarding);
  stageTapRemovals(owner, changes, await readShielded(host.run, owner, signal), rest);
  await carryOut(host.run, rest, { directory, signal });
  await gateway.serve(changes, signal);
}

async function changeDatabases(execution: Execution, changes: readonly Change[]): Promise<void> {
  const { host, project, signal } = execution;
  const local = await openLocal(host, signal);
  try {
    const chassis = await readChassis(local, signal);
    if (chassis === undefined) throw new PasserelleError(NO_CHASSIS);
    const northbound = await openNorthbound(host, chassis, signal);
    try {
      const author = { project, chassis: chassis.name };
      const changed = await changeNorthbound(
        northbound,
        async () => northboundOperations(author, changes, await readNorthbound(northbound, project, signal)),
        signal,
      );
      await changePorts(local, project, chassis, changes, signal);
      // What only goes is gone with its port; that nobody works for OVN any more must not keep it.
      if (changes.every(({ action }) => action === 'delete')) return;
      if (changed !== undefined) {
        const patienceMs = patienceFor(host, changed.operationCount);
        await untilCarriedOut(northbound, chassis, changed.configuration, patienceMs, signal);
      }
      await untilInstalled(host, local, changes, signal);
    } finally {
      northbound.close();
    }
  } finally {
    local.close();
  }
}

async function changePorts(
  local: OvsdbDatabase,
  project: string,
  chassis: Chassis,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<void> {
  if (!changes.some((change) => isLocal(subjectOf(change)))) return;
  const snapshot = await readLocal(local, project, signal);
  const { first, main, expected } = localTransactions(project, changes, chassis.bridge, snapshot);
  if (first.length > 0) await commit(local, first, { bridges: [], interfaces: [] }, signal);
  if (main.length > 0) await commit(local, main, expected, signal);
}

function patienceFor({ patienceMs = PATIENCE_MS }: OvnHost, count: number): number {
  return patienceMs + count * PATIENCE_PER_OPERATION_MS;
}

/** Waits until ovn-controller has the flows of every port that came. */
async function untilInstalled(
  host: OvnHost,
  local: OvsdbDatabase,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Map(
    changes.flatMap((change): [string, string][] => {
      if (change.action === 'delete') return [];
      const { after } = change;
      if (after.kind === 'host-port') return [[propertiesOf(after, 'host-port').device, after.id]];
      if (after.kind !== 'port' || !after.id.slice('ovn/port/'.length).includes('/')) return [];
      return [[propertiesOf(after, 'port').device, after.id]];
    }),
  );
  if (wanted.size === 0) return;
  await untilSeen(
    local,
    { Interface: ['name', 'external_ids'] },
    (tables) => {
      const installed = new Set(
        [...(tables.get('Interface')?.values() ?? [])]
          .filter(isInstalledRow)
          .map((row) => textOf(row, 'name')),
      );
      return [...wanted.keys()].every((device) => installed.has(device));
    },
    patienceFor(host, wanted.size),
    {
      code: 'ovn/port-not-installed',
      message: `ovn-controller has not taken in all of these ports: ${[...wanted.keys()].slice(0, 5).join(', ')}`,
      fix: 'its log says why: /var/log/ovn/ovn-controller.log',
    },
    signal,
  );
}

export const NO_CHASSIS: Problem = {
  code: 'ovn/no-chassis',
  message:
    'this host takes no part in OVN: its Open vSwitch says neither who it is nor where the databases are',
  fix: 'ovs-vsctl set Open_vSwitch . external_ids:system-id=$(hostname) external_ids:ovn-remote=unix:/var/run/ovn/ovnsb_db.sock external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip=127.0.0.1, then `systemctl start ovn-host`',
};
