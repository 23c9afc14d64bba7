import type { Link } from '../../clients/iproute/links.js';
import { flagOf, mapOf, textOf } from '../../clients/ovsdb/datum.js';
import type { EngineStatus, PortStatus } from '../contract.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { findDatabase, type OvsHost } from './host/host.js';
import { resourceId } from './identity.js';
import { SCHEMA_NEEDS } from './database/columns.js';
import { waitingUplinks } from './uplink/uplink-files.js';
import { readSnapshot, type PortRows, type Snapshot } from './database/snapshot.js';
import { nameOf } from '../open-vswitch/owner.js';
import { linksByName } from '../open-vswitch/kernel-view.js';

/** Counters of every port, and what a person should know of this host. */
export async function readStatus(
  host: OvsHost,
  project: string,
  gateway: KernelGateway,
  directory: string,
  signal: AbortSignal,
): Promise<EngineStatus> {
  const database = await findDatabase(host, signal);
  if (database === undefined)
    return { running: false, ports: [], notes: ['no Open vSwitch answers on this host'] };
  try {
    const [snapshot, links, notes, waiting] = await Promise.all([
      readSnapshot(database, project, signal, SCHEMA_NEEDS.Interface),
      linksByName(host.run, signal),
      gateway.notes(signal),
      waitingUplinks(directory),
    ]);
    const prefix = resourceId('port', '');
    const ports = [...snapshot.ports]
      // Those of NICs, `web1/0`; the server of an isolated network has one too.
      .filter(([id]) => id.startsWith(prefix) && id.slice(prefix.length).includes('/'))
      .map(([id, rows]) => portStatus(nameOf(id), rows, snapshot, links));
    const uplinks = [...snapshot.ports].filter(([id]) => id.startsWith(resourceId('uplink', '')));
    return {
      running: snapshot.bridges.size > 0,
      ports,
      notes: [
        ...datapathNotes(snapshot),
        ...uplinks.flatMap(([id, rows]) => bondNotes(nameOf(id), rows)),
        ...waiting.map(waitingNote),
        ...notes,
      ],
    };
  } finally {
    database.close();
  }
}

function waitingNote(network: string): string {
  return `the uplink of ${network} is put back soon as it was unless you run \`passerelle commit\``;
}

/** A bond whose far end does not talk LACP carries nothing: worth a word. */
function bondNotes(network: string, { port, interfaces }: PortRows): string[] {
  const mode = textOf(port, 'bond_mode');
  if (mode === undefined) return [];
  const names = (rows: typeof interfaces) => rows.map((row) => textOf(row, 'name') ?? '').sort();
  const lacp = textOf(port, 'lacp') ?? 'off';
  const silent = lacp === 'off' ? [] : names(interfaces.filter((row) => !flagOf(row, 'lacp_current')));
  const word =
    lacp === 'off'
      ? 'without LACP'
      : silent.length === 0
        ? 'LACP is agreed on all of them'
        : `LACP is not answered on ${silent.join(', ')}`;
  return [`the uplink of ${network} is a bond of ${names(interfaces).join(', ')} (${mode}): ${word}`];
}

function portStatus(
  nic: string,
  rows: PortRows,
  snapshot: Snapshot,
  links: ReadonlyMap<string, Link>,
): PortStatus {
  const statistics = mapOf(rows.interface ?? new Map(), 'statistics');
  const count = (name: string): number => Number(statistics.get(name) ?? 0);
  return {
    nic,
    network: nameOf(snapshot.bridgeId(rows.bridge) ?? ''),
    // A tap has a carrier while a machine holds it open.
    connected: links.get(textOf(rows.port, 'name') ?? '')?.flags.includes('LOWER_UP') ?? false,
    rxFrames: count('rx_packets'),
    rxBytes: count('rx_bytes'),
    txFrames: count('tx_packets'),
    txBytes: count('tx_bytes'),
    drops: { received: count('rx_dropped'), sent: count('tx_dropped') },
  };
}

function datapathNotes(snapshot: Snapshot): string[] {
  const byDatapath = new Map<string, string[]>();
  for (const [id, row] of snapshot.bridges) {
    const datapath = textOf(row, 'datapath_type') ?? '';
    byDatapath.set(datapath, [...(byDatapath.get(datapath) ?? []), nameOf(id)]);
  }
  const version = textOf(snapshot.global, 'ovs_version');
  const name = version === undefined ? 'Open vSwitch' : `Open vSwitch ${version}`;
  return [...byDatapath].map(([datapath, networks]) =>
    datapath === 'netdev'
      ? `${networks.join(', ')}: ${name} switches in user space (datapath netdev): this kernel has no openvswitch datapath, or the file asks for it; slower, and NICs send with vnet_hdr=off`
      : `${networks.join(', ')}: ${name} switches in the kernel (datapath system)`,
  );
}
