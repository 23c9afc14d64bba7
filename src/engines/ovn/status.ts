import type { Link } from '../../clients/iproute/links.js';
import { mapOf, textOf } from '../../clients/ovsdb/datum.js';
import type { EngineStatus, PortStatus } from '../contract.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { linksByName } from '../open-vswitch/kernel-view.js';
import { nameOf } from '../open-vswitch/owner.js';
import { findLocal, type OvnHost } from './host.js';
import { resourceId } from './identity.js';
import { integrationDatapath, type LocalPort, type LocalSnapshot, readLocal } from './local/snapshot.js';
import { openNorthbound } from './northbound/remotes.js';
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
        notes: [...ovnNotes(snapshot), ...notes],
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
