/** What was read of the host, as resources. Pure; `observe.ts` does the reading. */
import type { Link } from '../../clients/iproute/links.js';
import { flagOf, mapOf, numberOf, type Row, setOf, textOf } from '../../clients/ovsdb/datum.js';
import type { Resource } from '../../plan/resource.js';
import type { DumpedFlow } from './flows/flow-text.js';
import { meterIn } from './flows/flow-text.js';
import { cookieOf, type Kind, markedNic, NAMESPACE_KEY, nameOf, resourceId, UPLINK_KEY } from './identity.js';
import { observedExports } from './flow-export.js';
import { type NamespaceView, observedNamespaces } from './inside.js';
import {
  type BridgeProperties,
  type Datapath,
  makeResource,
  type MeterProperties,
  type PortProperties,
  type TunnelProperties,
  type UplinkProperties,
} from './resources.js';
import type { PortRows, Snapshot } from './snapshot.js';

/** Everything that was read. */
export interface HostState {
  readonly project: string;
  readonly snapshot: Snapshot;
  readonly links: ReadonlyMap<string, Link>;
  /** Devices that bear an address of more than the link's own scope. */
  readonly addressed: ReadonlySet<string>;
  /** Devices that the shield covers. */
  readonly shielded: ReadonlySet<string>;
  /** Namespaces of ours. */
  readonly inside: readonly NamespaceView[];
  /** By bridge. */
  readonly flows: ReadonlyMap<string, readonly DumpedFlow[]>;
  readonly meters: ReadonlyMap<string, ReadonlyMap<number, MeterProperties>>;
}

export function observedResources(state: HostState): Resource[] {
  const { snapshot } = state;
  const bridges = [...snapshot.bridges].map(([id, row]) =>
    makeResource('bridge', nameOf(id), bridgeProperties(id, row, state), {
      affects: [...machinesOn(snapshot, row)],
    }),
  );
  return [
    ...bridges,
    ...observedTaps(state),
    ...observedPorts(state),
    ...observedExports(snapshot.exports, [...snapshot.bridges.values()]),
    ...observedRules(state),
    ...observedNamespaces({ inside: state.inside, internalPorts: internalPorts(state) }),
  ];
}

function bridgeProperties(id: string, row: Row, { snapshot, links }: HostState): BridgeProperties {
  const device = textOf(row, 'name') ?? '';
  // The bridge's own port bears the mark of the bridge.
  const local = snapshot.ports.get(id)?.interface;
  const hasUplink = snapshot.ports.has(resourceId('uplink', nameOf(id)));
  const link = links.get(device);
  return {
    device,
    datapath: textOf(row, 'datapath_type') === 'netdev' ? 'netdev' : 'system',
    failMode: textOf(row, 'fail_mode') === 'secure' ? 'secure' : 'standalone',
    mac: hasUplink ? null : String(mapOf(row, 'other_config').get('hwaddr') ?? ''),
    mtuBytes: numberOf(local ?? new Map(), 'mtu_request') ?? 0,
    isUp: link?.flags.includes('UP') ?? false,
    stp: flagOf(row, 'stp_enable'),
    rstp: flagOf(row, 'rstp_enable'),
    multicastSnooping: flagOf(row, 'mcast_snooping_enable'),
    controllers: setOf(row, 'controller')
      .map((uuid) => textOf(snapshot.controllers.get(String(uuid)) ?? new Map(), 'target') ?? '')
      .sort(),
  };
}

function observedTaps({ project, links, shielded }: HostState): Resource[] {
  return [...links.values()].flatMap((link): Resource[] => {
    const nic = markedNic(project, link.altnames);
    if (nic === undefined) return [];
    return [
      makeResource(
        'tap',
        nic,
        {
          device: link.ifname,
          mtuBytes: link.mtu,
          owner: typeof link.info['user'] === 'string' ? link.info['user'] : null,
          isUp: link.flags.includes('UP'),
          isShielded: shielded.has(link.ifname),
        },
        { affects: [machineOf(nic)] },
      ),
    ];
  });
}

function observedPorts(state: HostState): Resource[] {
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
        return [makeResource('tunnel', name, tunnelProperties(rows), { needs })];
      case 'uplink':
        return [makeResource('uplink', name, uplinkProperties(rows, state), { needs })];
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
function internalPorts({ snapshot, links }: HostState): ReadonlyMap<string, string> {
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
function isAttached(rows: PortRows, { links, snapshot }: HostState): boolean {
  if (!isWorking(rows)) return false;
  const link = links.get(textOf(rows.port, 'name') ?? '');
  if (link === undefined) return false;
  return datapathOf(snapshot, rows.bridge) === 'system'
    ? link.master === 'ovs-system'
    : link.flags.includes('PROMISC');
}

/** The namespace that the port's device lives in, by its mark. */
export function namespaceIn({ port }: PortRows): string | null {
  const namespace = mapOf(port, 'external_ids').get(NAMESPACE_KEY);
  return typeof namespace === 'string' ? namespace : null;
}

function isWorking({ interface: row }: PortRows): boolean {
  return row !== undefined && textOf(row, 'error') === undefined && (numberOf(row, 'ofport') ?? -1) > 0;
}

function datapathOf(snapshot: Snapshot, bridge: string): Datapath {
  const row = snapshot.bridges.get(snapshot.bridgeId(bridge) ?? '');
  return row && textOf(row, 'datapath_type') === 'netdev' ? 'netdev' : 'system';
}

function tunnelProperties(rows: PortRows): TunnelProperties {
  const row = rows.interface ?? new Map();
  const options = mapOf(row, 'options');
  const localAddress = options.get('local_ip');
  return {
    bridge: rows.bridge,
    device: textOf(rows.port, 'name') ?? '',
    type: textOf(row, 'type') === 'geneve' ? 'geneve' : 'vxlan',
    remoteAddress: String(options.get('remote_ip') ?? ''),
    ...(localAddress !== undefined && { localAddress: String(localAddress) }),
    key: Number(options.get('key') ?? 0),
    port: Number(options.get('dst_port') ?? 0),
    isIsolated: flagOf(rows.port, 'protected'),
    isAttached: isWorking(rows),
  };
}

function uplinkProperties(rows: PortRows, state: HostState): UplinkProperties {
  const device = textOf(rows.port, 'name') ?? '';
  return {
    bridge: rows.bridge,
    uplink: String(mapOf(rows.port, 'external_ids').get(UPLINK_KEY) ?? device),
    isShielded: state.shielded.has(device),
    isAttached: isAttached(rows, state),
    isHandedOver: !state.addressed.has(device),
  };
}

/** Flows of ours by their cookies; a cookie that no resource has is one of a resource that is gone. */
function observedRules(state: HostState): Resource[] {
  const names = new Map(
    [...state.snapshot.bridges.keys(), ...state.snapshot.ports.keys()].map((id) => [
      cookieOf(resourceId('rules', nameOf(id))),
      nameOf(id),
    ]),
  );
  return [...state.flows].flatMap(([bridge, dumped]) => {
    const byCookie = new Map<string, string[]>();
    for (const { cookie, text } of dumped) {
      const texts = byCookie.get(cookie);
      if (texts === undefined) byCookie.set(cookie, [text]);
      else texts.push(text);
    }
    return [...byCookie].map(([cookie, flows]) => {
      const name = names.get(cookie) ?? cookie;
      const number = flows.map(meterIn).find((each) => each !== undefined);
      const meter = number === undefined ? undefined : state.meters.get(bridge)?.get(number);
      const isNic = name.includes('/');
      return makeResource(
        'rules',
        name,
        { bridge, flows: flows.sort(), ...(meter && { meter }) },
        {
          needs: [resourceId(isNic ? 'port' : 'bridge', name)],
          affects: isNic ? [machineOf(name)] : [],
        },
      );
    });
  });
}

function bridgeNeeds(snapshot: Snapshot, bridge: string): string[] {
  const id = snapshot.bridgeId(bridge);
  return id === undefined ? [] : [id];
}

function machinesOn(snapshot: Snapshot, bridge: Row): Set<string> {
  const name = textOf(bridge, 'name');
  return new Set(
    [...snapshot.ports].flatMap(([id, rows]) =>
      rows.bridge === name && id.startsWith(resourceId('port', '')) ? [machineOf(nameOf(id))] : [],
    ),
  );
}

function machineOf(nic: string): string {
  return nic.split('/')[0] ?? nic;
}
