import type { Resource } from '../../plan/resource.js';
import type { Machine, Network, Nic, Topology } from '../../topology/topology.js';
import { bondPort } from './database/bond.js';
import { desireExports } from './database/flow-export.js';
import { desireMirrors } from './database/mirror.js';
import { guardFlows, networkFlows, openFlows } from './flows/guard.js';
import { meterNumbers } from './flows/meters.js';
import { PROVIDER, resourceId } from './identity.js';
import { bitsPerSecond, burstKbits } from '../open-vswitch/rates.js';
import { networkOptions, nicOptions } from './options.js';
import { makeResource, type MeterProperties, type PortProperties } from './resources.js';
import { desireNamespaces, isInNamespace, namespaceOfNic } from './host/places.js';
import type { Datapath } from '../open-vswitch/datapath.js';

/** What the engine has seen of the host before it can say what it wants. */
export interface HostFacts {
  /** The datapath that `auto` means here. */
  readonly datapath: Datapath;
}

/** The switches, ports and flows of this engine's networks. Pure. The gateway's resources come from elsewhere. */
export function desireSwitches(project: string, topology: Topology, facts: HostFacts): Resource[] {
  const networks = topology.networks.filter((network) => network.engine === PROVIDER);
  return [
    ...networks.flatMap((network) =>
      desireSwitch(project, network, nicsOf(topology.machines, network), facts),
    ),
    ...desireNamespaces(project, topology, networks),
  ];
}

function nicsOf(machines: readonly Machine[], network: Network): Nic[] {
  return machines.flatMap((machine) => machine.nics).filter((nic) => nic.network === network.name);
}

function desireSwitch(project: string, network: Network, nics: readonly Nic[], facts: HostFacts): Resource[] {
  const options = networkOptions(network);
  const datapath = datapathOf(network, facts);
  const bridge = resourceId('bridge', network.name);
  const affects = [...new Set(nics.map((nic) => nic.machine))];
  const isOurs = options.controller === undefined;
  const meters = meterNumbers(
    nics.filter((nic) => nicOptions(nic)['rate-limit'] !== undefined).map((nic) => nic.id),
  );
  return [
    makeResource(
      'bridge',
      network.name,
      {
        device: network.interfaceName,
        datapath,
        failMode: options['fail-mode'] ?? 'secure',
        mac: network.mode === 'bridge' ? null : network.gatewayMac,
        mtuBytes: network.mtuBytes,
        isUp: isHostIn(network),
        isMarked: true,
        stp: options.stp ?? false,
        rstp: options.rstp ?? false,
        multicastSnooping: options['multicast-snooping'] ?? false,
        controllers: options.controller === undefined ? [] : [options.controller],
      },
      { affects, reason: `switch of the ${network.mode} network ${network.name}`, source: network.source },
    ),
    ...(isOurs ? [networkRules(network, bridge, affects)] : []),
    ...desireExports(network),
    ...desireMirrors(network, nics),
    ...(network.mode === 'bridge' ? [uplinkOf(project, network, datapath, bridge, affects)] : []),
    ...nics.flatMap((nic) => [
      ...(isInNamespace(nic) ? [] : [tapOf(nic, network, datapath)]),
      portOf(project, nic, network, bridge),
      ...(isOurs ? [nicRules(nic, network, meters.get(nic.id))] : []),
    ]),
  ];
}

/** Which datapath a network uses on this host. */
export function datapathOf(network: Pick<Network, 'options'>, facts: HostFacts): Datapath {
  const asked = networkOptions(network).datapath ?? 'auto';
  return asked === 'auto' ? facts.datapath : asked;
}

/** Whether the host takes part in the network: as its gateway, or as a host of the LAN. */
function isHostIn(network: Network): boolean {
  return network.mode !== 'isolated' && network.gatewayElsewhere === undefined;
}

function networkRules(network: Network, bridge: string, affects: readonly string[]): Resource {
  return makeResource(
    'rules',
    network.name,
    { bridge: network.interfaceName, flows: networkFlows(network, isHostIn(network)).sort() },
    { needs: [bridge], affects, reason: `what may enter ${network.name}`, source: network.source },
  );
}

function uplinkOf(
  project: string,
  network: Network,
  datapath: Datapath,
  bridge: string,
  affects: readonly string[],
): Resource {
  const { bond } = networkOptions(network);
  return makeResource(
    'uplink',
    network.name,
    {
      bridge: network.interfaceName,
      uplink: bond === undefined ? (network.uplink ?? 'default') : bondPort(project, network.name),
      ...(bond && { members: [...bond.members].sort(), bondMode: bond.mode, lacp: bond.lacp }),
      isShielded: datapath === 'netdev',
      isAttached: true,
      isHandedOver: true,
      isConfirmed: true,
    },
    { needs: [bridge], affects, reason: `${network.name} reaches the LAN by it`, source: network.source },
  );
}

function tapOf(nic: Nic, network: Network, datapath: Datapath): Resource {
  return makeResource(
    'tap',
    nic.id,
    {
      device: nic.interfaceName,
      mtuBytes: network.mtuBytes,
      owner: nicOptions(nic).owner ?? null,
      isUp: true,
      isShielded: datapath === 'netdev',
    },
    { affects: [nic.machine], reason: `the host's end of ${nic.id}`, source: nic.source },
  );
}

function portOf(project: string, nic: Nic, network: Network, bridge: string): Resource {
  return makeResource('port', nic.id, portProperties(project, nic, network), {
    needs: [bridge, ...(isInNamespace(nic) ? [] : [resourceId('tap', nic.id)])],
    affects: [nic.machine],
    reason: `port ${nic.index} of ${nic.machine} on network ${network.name}`,
    source: nic.source,
  });
}

export function portProperties(project: string, nic: Nic, network: Network): PortProperties {
  const { vlan, trunk, qinq, isolated, 'rate-limit-in': limit } = nicOptions(nic);
  const tag = vlan ?? networkOptions(network).vlan;
  const trunks = trunk && [...new Set(trunk)].sort((a, b) => a - b);
  return {
    bridge: network.interfaceName,
    device: nic.interfaceName,
    namespace: namespaceOfNic(project, nic),
    ...(tag !== undefined && (trunks === undefined || vlan !== undefined) && { tag }),
    // A native VLAN is one of those that pass.
    ...(trunks && { trunks: vlan === undefined || qinq === true ? trunks : withVlan(trunks, vlan) }),
    ...vlanModeOf(vlan, trunks !== undefined, qinq === true, tag !== undefined),
    isIsolated: isolated ?? false,
    ...(limit !== undefined && { maxRateBps: bitsPerSecond(limit) }),
    isAttached: true,
  };
}

function vlanModeOf(
  vlan: number | undefined,
  hasTrunks: boolean,
  isQinq: boolean,
  hasTag: boolean,
): Pick<PortProperties, 'vlanMode'> {
  if (isQinq) return { vlanMode: 'dot1q-tunnel' };
  if (hasTrunks) return { vlanMode: vlan === undefined ? 'trunk' : 'native-untagged' };
  return hasTag ? { vlanMode: 'access' } : {};
}

function withVlan(trunks: readonly number[], vlan: number): number[] {
  return [...new Set([...trunks, vlan])].sort((a, b) => a - b);
}

function nicRules(nic: Nic, network: Network, meterNumber: number | undefined): Resource {
  const limit = nicOptions(nic)['rate-limit'];
  const meter = limit === undefined || meterNumber === undefined ? undefined : meterOf(limit, meterNumber);
  const through = meter === undefined ? '' : `meter:${meter.number},`;
  const flows = nic.antiSpoofing
    ? guardFlows(nic, network, nic.interfaceName, through)
    : openFlows(nic.interfaceName, through);
  return makeResource(
    'rules',
    nic.id,
    { bridge: network.interfaceName, flows: flows.sort(), ...(meter && { meter }) },
    {
      needs: [resourceId('port', nic.id)],
      affects: [nic.machine],
      reason: nic.antiSpoofing
        ? `${nic.id} speaks with its own addresses only`
        : `${nic.id} may say what it likes`,
      source: nic.source,
    },
  );
}

function meterOf(limit: string, number: number): MeterProperties {
  const rateKbps = bitsPerSecond(limit) / 1000;
  return { number, rateKbps, burstKbits: burstKbits(rateKbps) };
}
