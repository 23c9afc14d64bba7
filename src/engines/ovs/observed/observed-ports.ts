/** Ports of ours as they stand: of NICs, uplinks, tunnels, and of captures that were killed. Pure. */
import { flagOf, mapOf, numberOf, type Row, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import type { Resource } from '../../../plan/resource.js';
import { type Kind, NAMESPACE_KEY, PSK_FILE_KEY, resourceId, UPLINK_KEY } from '../identity.js';
import type { HostState } from './host-state.js';
import {
  makeResource,
  type PortProperties,
  type TunnelProperties,
  type UplinkProperties,
} from '../resources.js';
import type { PortRows, Snapshot } from '../database/snapshot.js';
import { machineOf, nameOf } from '../../open-vswitch/owner.js';
import type { Datapath } from '../../open-vswitch/datapath.js';

export function observedPorts(state: HostState): Resource[] {
  return [...state.snapshot.ports].flatMap(([id, rows]): Resource[] => {
    const name = nameOf(id);
    const needs = bridgeNeeds(state.snapshot, rows.bridge);
    switch (id.split('/')[1] as Kind) {
      case 'port':
        return [
          makeResource('port', name, portProperties(rows, state), {
            needs: [...needs, resourceId('tap', name)],
            affects: name.includes('/') ? [machineOf(name)] : [],
          }),
        ];
      case 'tunnel':
        return [makeResource('tunnel', name, tunnelProperties(rows, state), { needs })];
      case 'uplink':
        return [makeResource('uplink', name, uplinkProperties(name, rows, state), { needs })];
      case 'capture': {
        // One that runs is nobody's business here.
        if (!state.deadCaptures.includes(id)) return [];
        const device = textOf(rows.port, 'name') ?? '';
        return [makeResource('capture', name, { bridge: rows.bridge, device }, { needs })];
      }
      default:
        // The bridge's own port.
        return [];
    }
  });
}

function portProperties(rows: PortRows, state: HostState): PortProperties {
  const { port } = rows;
  const device = textOf(port, 'name') ?? '';
  const tag = numberOf(port, 'tag');
  const vlanMode = textOf(port, 'vlan_mode') as PortProperties['vlanMode'];
  const vlans = [...setOf(port, vlanMode === 'dot1q-tunnel' ? 'cvlans' : 'trunks')]
    .map(Number)
    .sort((a, b) => a - b);
  const maxRate = rows.qos && mapOf(rows.qos, 'other_config').get('max-rate');
  return {
    bridge: rows.bridge,
    device,
    namespace: namespaceIn(rows),
    ...(tag !== undefined && { tag }),
    ...(vlans.length > 0 && { trunks: vlans }),
    ...(vlanMode !== undefined && { vlanMode }),
    isIsolated: flagOf(port, 'protected'),
    ...(maxRate !== undefined && { maxRateBps: Number(maxRate) }),
    isAttached:
      namespaceIn(rows) !== null ? isWorking(rows) && isSomewhere(device, state) : isAttached(rows, state),
  };
}

/**
 * Devices of ports that live in namespaces, with the name of their resource. One that is on the host too was made anew
 * when ovs-vswitchd started anew: what is still in the namespace is its dead forerunner, and is not one of them.
 */
export function internalPorts({ snapshot, links }: HostState): ReadonlyMap<string, string> {
  return new Map(
    [...snapshot.ports]
      .filter(([id, rows]) => id.startsWith(resourceId('port', '')) && namespaceIn(rows) !== null)
      .map(([id, rows]): [string, string] => [textOf(rows.port, 'name') ?? '', nameOf(id)])
      .filter(([device]) => !links.has(device)),
  );
}

/** A device of the switch's own goes with the namespace it was put into. */
function isSomewhere(device: string, { links, inside }: HostState): boolean {
  return links.has(device) || inside.some((view) => view.links.some((link) => link.ifname === device));
}

/**
 * Whether the switch holds the device as it is now. After a device was deleted and made again OVSDB still says that all
 * is well; what the switch did to the device when it opened it is then missing.
 */
function isAttached({ interface: row, bridge }: PortRows, state: HostState): boolean {
  return row !== undefined && isHeld(row, bridge, state);
}

function isHeld(row: Row, bridge: string, { links, snapshot }: HostState): boolean {
  const link = links.get(textOf(row, 'name') ?? '');
  if (link === undefined || !worksAlone(row)) return false;
  return datapathOf(snapshot, bridge) === 'system'
    ? link.master === 'ovs-system'
    : link.flags.includes('PROMISC');
}

/** Where the key of a tunnel comes from, by its mark. */
export function pskFileIn({ port }: PortRows): string | undefined {
  const path = mapOf(port, 'external_ids').get(PSK_FILE_KEY);
  return typeof path === 'string' ? path : undefined;
}

/** The namespace that the port's device lives in, by its mark. */
export function namespaceIn({ port }: PortRows): string | null {
  const namespace = mapOf(port, 'external_ids').get(NAMESPACE_KEY);
  return typeof namespace === 'string' ? namespace : null;
}

function isWorking({ interface: row }: PortRows): boolean {
  return row !== undefined && worksAlone(row);
}

function worksAlone(row: Row): boolean {
  return textOf(row, 'error') === undefined && (numberOf(row, 'ofport') ?? -1) > 0;
}

function datapathOf(snapshot: Snapshot, bridge: string): Datapath {
  const row = snapshot.bridges.get(snapshot.bridgeId(bridge) ?? '');
  return row && textOf(row, 'datapath_type') === 'netdev' ? 'netdev' : 'system';
}

function tunnelProperties(rows: PortRows, { keys }: HostState): TunnelProperties {
  const row = rows.interface ?? new Map();
  const options = mapOf(row, 'options');
  const localAddress = options.get('local_ip');
  const pskFile = pskFileIn(rows);
  return {
    bridge: rows.bridge,
    device: textOf(rows.port, 'name') ?? '',
    type: textOf(row, 'type') === 'geneve' ? 'geneve' : 'vxlan',
    remoteAddress: String(options.get('remote_ip') ?? ''),
    ...(localAddress !== undefined && { localAddress: String(localAddress) }),
    key: Number(options.get('key') ?? 0),
    port: Number(options.get('dst_port') ?? 0),
    ...(pskFile !== undefined && { pskFile }),
    isKeyCurrent:
      pskFile === undefined
        ? !options.has('psk')
        : options.has('psk') && options.get('psk') === keys.get(pskFile),
    isIsolated: flagOf(rows.port, 'protected'),
    isAttached: isWorking(rows),
  };
}

function uplinkProperties(network: string, rows: PortRows, state: HostState): UplinkProperties {
  const { port } = rows;
  const bondMode = textOf(port, 'bond_mode') as UplinkProperties['bondMode'];
  const working = rows.interfaces.filter((row) => isHeld(row, rows.bridge, state));
  const nics = working.map((row) => textOf(row, 'name') ?? '').sort();
  return {
    bridge: rows.bridge,
    uplink: String(mapOf(port, 'external_ids').get(UPLINK_KEY) ?? textOf(port, 'name')),
    ...(bondMode !== undefined && {
      members: nics,
      bondMode,
      lacp: (textOf(port, 'lacp') ?? 'off') as NonNullable<UplinkProperties['lacp']>,
    }),
    isShielded: nics.some((nic) => state.shielded.has(nic)) && nics.every((nic) => state.shielded.has(nic)),
    isAttached: nics.length > 0,
    isHandedOver: !nics.some((nic) => state.addressed.has(nic)),
    isConfirmed: !state.waiting.has(network),
  };
}

function bridgeNeeds(snapshot: Snapshot, bridge: string): string[] {
  const id = snapshot.bridgeId(bridge);
  return id === undefined ? [] : [id];
}
