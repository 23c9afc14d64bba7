import type { Link } from '../../clients/iproute/links.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { mapOf, numberOf, textOf } from '../../clients/ovsdb/datum.js';
import type { EngineStatus, PortStatus } from '../contract.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { linksByName } from '../open-vswitch/kernel-view.js';
import { nameOf } from '../open-vswitch/owner.js';
import { type Chassis, findLocal, type OvnHost } from './host.js';
import { resourceId } from './identity.js';
import { integrationDatapath, type LocalPort, type LocalSnapshot, readLocal } from './local/snapshot.js';
import { openNorthbound, openSouthbound } from './northbound/remotes.js';
import { type NorthboundSnapshot, readNorthbound } from './northbound/snapshot.js';

/** Counters of every port of this host, and what a person should know. */
export async function readStatus(
  host: OvnHost,
  project: string,
  gateway: KernelGateway,
  signal: AbortSignal,
): Promise<EngineStatus> {
  const local = await findLocal(host, signal);
  if (local === undefined) return down('no Open vSwitch answers on this host');
  try {
    const snapshot = await readLocal(local, project, signal);
    const { chassis } = snapshot;
    if (chassis === undefined) return down('this host takes no part in OVN');
    const northbound = await openNorthbound(host, chassis, signal);
    try {
      const [logical, links, notes] = await Promise.all([
        readNorthbound(northbound, project, signal),
        linksByName(host.run, signal),
        gateway.notes(signal),
      ]);
      const prefix = resourceId('port', '');
      return {
        running: snapshot.ports.size > 0,
        ports: [...snapshot.ports]
          // Those of NICs, `web1/0`; the server of an isolated network has one too.
          .filter(([id]) => id.startsWith(prefix) && id.slice(prefix.length).includes('/'))
          .map(([id, port]) => portStatus(nameOf(id), port, logical, links)),
        notes: [...ovnNotes(snapshot), ...(await hostNotes(chassis, logical, northbound, signal)), ...notes],
      };
    } finally {
      northbound.close();
    }
  } finally {
    local.close();
  }
}

function down(note: string): EngineStatus {
  return { running: false, ports: [], notes: [note] };
}

function portStatus(
  nic: string,
  port: LocalPort,
  logical: NorthboundSnapshot,
  links: ReadonlyMap<string, Link>,
): PortStatus {
  const statistics = mapOf(port.interface ?? new Map(), 'statistics');
  const count = (name: string): number => Number(statistics.get(name) ?? 0);
  const row = logical.find('Logical_Switch_Port', resourceId('logical-port', nic));
  const network = row && logical.switchOf(row.uuid);
  return {
    nic,
    network: network === undefined ? '' : nameOf(network.id),
    // A tap has a carrier while a machine holds it open; a device in a namespace is always plugged in.
    connected: port.namespace !== null || (links.get(port.device)?.flags.includes('LOWER_UP') ?? false),
    rxFrames: count('rx_packets'),
    rxBytes: count('rx_bytes'),
    txFrames: count('tx_packets'),
    txBytes: count('tx_bytes'),
    drops: { received: count('rx_dropped'), sent: count('tx_dropped') },
  };
}

/** Other hosts of the project that have not done yet what the database says: an `up` here does not wait for them. */
async function hostNotes(
  chassis: Chassis,
  { rows }: NorthboundSnapshot,
  northbound: OvsdbDatabase,
  signal: AbortSignal,
): Promise<string[]> {
  const others = new Set(Object.values(rows).flatMap((table) => table.flatMap((row) => [...row.chassis])));
  others.delete(chassis.name);
  if (others.size === 0) return [];
  const [global = new Map()] = await northbound.select('NB_Global', [], ['nb_cfg'], signal);
  const wanted = numberOf(global, 'nb_cfg') ?? 0;
  const southbound = await openSouthbound(chassis, signal);
  try {
    const standing = await southbound.select('Chassis_Private', [], ['name', 'nb_cfg'], signal);
    const done = new Map(standing.map((row) => [textOf(row, 'name'), numberOf(row, 'nb_cfg') ?? 0]));
    return [...others].sort().flatMap((name) => {
      const configuration = done.get(name);
      if (configuration === undefined)
        return [`the chassis ${name} is not there: its ovn-controller has said goodbye`];
      if (configuration >= wanted) return [];
      return [
        `the chassis ${name} has not acted on the last change yet: it is slow, or its ovn-controller does not run`,
      ];
    });
  } finally {
    southbound.close();
  }
}

function ovnNotes(snapshot: LocalSnapshot): string[] {
  const { chassis, global, ports } = snapshot;
  if (chassis === undefined || ports.size === 0) return [];
  const name = `Open vSwitch ${textOf(global, 'ovs_version') ?? ''}`.trim();
  const where = `chassis ${chassis.name} of the OVN at ${chassis.southbound}`;
  return [
    integrationDatapath(snapshot) === 'netdev'
      ? `${where}; ${name} switches in user space (datapath netdev): slower, and NICs send with vnet_hdr=off`
      : `${where}; ${name} switches in the kernel (datapath system)`,
  ];
}
