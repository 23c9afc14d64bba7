/** What the fabric is told of VDE networks, as resources, and back. Pure. */
import type {
  FabricConfiguration,
  FabricForward,
  FabricNetwork,
  FabricOperation,
  FabricPort,
  FabricStation,
} from '../../../fabric/control/protocol.js';
import { type Change, type Json, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Forward, Network, Nic, Topology } from '../../../topology/topology.js';
import { leadsTo } from '../../../topology/leads-to.js';
import { nicsOn } from '../desire.js';
import { CABLE_KIND, nameOf, PROVIDER, resourceId } from '../resources.js';

export const FABRIC_KIND = 'fabric';
export const GATEWAY_KIND = 'fabric-network';
export const FORWARD_KIND = 'fabric-forward';
export const FABRIC_ID = resourceId(FABRIC_KIND, 'process');
/** Stands for the version of a fabric that runs and does not answer. */
export const UNRESPONSIVE = 'unresponsive';
export const GATEWAY_CABLE = 'gateway';

/** Whether a network has something that a gateway does for it: a way out, addresses, names. */
export function hasGateway({ engine, mode, dhcp, dns }: Network): boolean {
  const isRouter = mode === 'nat' || mode === 'routed';
  return engine === PROVIDER && (isRouter || (mode === 'isolated' && (dhcp ?? dns) !== undefined));
}

/**
 * @param networks those that the fabric serves.
 * @param socketPathOf where the network's patch panel listens.
 */
export function desireGateways(
  topology: Topology,
  networks: readonly Network[],
  version: string,
  socketPathOf: (network: string) => string,
): Resource[] {
  if (networks.length === 0) return [];
  const names = new Set(networks.map(({ name }) => name));
  return [
    {
      ...resource(FABRIC_KIND, 'process', { version }, []),
      reason: 'gateway, NAT, DHCP and names of the VDE networks',
    },
    ...networks.map((network) => ({
      ...gatewayResource(fabricNetwork(network, nicsOn(topology, network)), socketPathOf(network.name)),
      reason: `the gateway of ${network.name} (${network.mode})`,
      source: network.source,
    })),
    ...topology.forwards
      .filter(({ network }) => names.has(network))
      .map((forward) => ({
        ...forwardResource(
          fabricForward(forward),
          forward.targets.map(({ machine }) => machine),
        ),
        reason: leadsTo(forward),
        source: forward.source,
      })),
  ];
}

/** What the fabric reports, as resources. */
export function observedGateways(configuration: FabricConfiguration, version: string): Resource[] {
  const { networks, ports, forwards } = configuration;
  return [
    resource(FABRIC_KIND, 'process', { version }, []),
    ...networks.map((network) => {
      const port = ports.find((one) => one.network === network.name);
      return gatewayResource(network, port?.socketPath ?? '');
    }),
    ...forwards.map((forward) => {
      const stations = networks.find(({ name }) => name === forward.network)?.stations ?? [];
      const targets = stations.filter(({ ipv4, ipv6 }) =>
        forward.targetAddresses.some((address) => address === ipv4 || address === ipv6),
      );
      return forwardResource(
        forward,
        targets.map(({ machine }) => machine),
      );
    }),
  ];
}

/** The operations that tell the fabric of these changes, in their order. */
export function operationsFor(changes: readonly Change[]): FabricOperation[] {
  return changes.flatMap((change): FabricOperation[] => {
    const { kind } = subjectOf(change);
    if (kind === GATEWAY_KIND) return gatewayOperations(change);
    if (kind !== FORWARD_KIND) return [];
    if (change.action === 'delete') return [{ delete: 'forward', id: nameOf(change.before) }];
    return [{ put: 'forward', value: change.after.properties as unknown as FabricForward }];
  });
}

export function operationsThatRestore(configuration: FabricConfiguration): FabricOperation[] {
  return [
    ...configuration.networks.map((value): FabricOperation => ({ put: 'network', value })),
    ...configuration.ports.map((value): FabricOperation => ({ put: 'port', value })),
    ...configuration.forwards.map((value): FabricOperation => ({ put: 'forward', value })),
  ];
}

function gatewayOperations(change: Change): FabricOperation[] {
  if (change.action === 'delete') {
    const name = nameOf(change.before);
    return [
      { delete: 'port', id: portIdOf(name) },
      { delete: 'network', id: name },
    ];
  }
  const { network, socketPath } = change.after.properties as unknown as GatewayProperties;
  return [
    { put: 'network', value: network },
    { put: 'port', value: switchPort(network, socketPath) },
  ];
}

interface GatewayProperties {
  readonly network: FabricNetwork;
  readonly socketPath: string;
}

/** The fabric's port that leads to the VDE switch, with all of its machines behind it. */
function switchPort(network: FabricNetwork, socketPath: string): FabricPort {
  return {
    id: portIdOf(network.name),
    network: network.name,
    // No name of a machine may begin so.
    machine: '_vde_switch',
    mac: switchMac(network.gatewayMac),
    antiSpoofing: false,
    socketPath,
  };
}

/** An address of nobody's: the gateway's own, marked as given locally, and not the same. */
function switchMac(gatewayMac: string): string {
  const first = Number.parseInt(gatewayMac.slice(0, 2), 16);
  return ((first ^ 0x08) | 0x02).toString(16).padStart(2, '0') + gatewayMac.slice(2);
}

function portIdOf(network: string): string {
  return `${network}/switch`;
}

function gatewayResource(network: FabricNetwork, socketPath: string): Resource {
  const cable = resourceId(CABLE_KIND, `${network.name}/${GATEWAY_CABLE}`);
  return {
    ...resource(GATEWAY_KIND, network.name, { network, socketPath }, [FABRIC_ID, cable]),
    affects: [...new Set((network.stations ?? []).map(({ machine }) => machine))],
  };
}

function forwardResource(forward: FabricForward, machines: readonly string[]): Resource {
  return {
    ...resource(FORWARD_KIND, forward.id, forward, [resourceId(GATEWAY_KIND, forward.network)]),
    affects: machines,
  };
}

function resource(kind: string, name: string, properties: object, needs: readonly string[]): Resource {
  // As JSON carries it: keys that are undefined are not there.
  const plain = JSON.parse(JSON.stringify(properties)) as Record<string, Json>;
  return { id: resourceId(kind, name), provider: PROVIDER, kind, properties: plain, needs, affects: [] };
}

function fabricNetwork(network: Network, nics: readonly Nic[]): FabricNetwork {
  const { name, mode, mtuBytes, gatewayMac, hostLoopback, ipv4, ipv6, dhcp, dns } = network;
  if (mode === 'bridge') throw new Error('bridge is refused before anything is desired');
  return {
    name,
    mode,
    mtuBytes,
    gatewayMac,
    hostLoopback,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(dhcp && { dhcp }),
    ...(dns && { dns }),
    stations: nics.map(stationOf),
  };
}

function stationOf({ machine, mac, ipv4, ipv6 }: Nic): FabricStation {
  return { machine, mac, ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

function fabricForward(forward: Forward): FabricForward {
  const { id, protocol, network, listenAddress, listenPortFirst, listenPortLast } = forward;
  const { targets, targetPortFirst, targetPortFixed } = forward;
  return {
    id,
    protocol,
    listenAddress,
    listenPortFirst,
    listenPortLast,
    network,
    targetAddresses: targets.map(({ address }) => address),
    targetPortFirst,
    targetPortFixed,
    ...(forward.shownSource === 'gateway' && { shownSource: 'gateway' }),
  };
}
