/**
 * The user engine's part of the topology as resources, and resources as what the fabric is told. Pure.
 * Network, port and forward resources carry exactly the fabric's own objects as properties, so that what is wanted and
 * what the fabric reports are compared without translation.
 */
import type {
  FabricConfiguration,
  FabricForward,
  FabricNetwork,
  FabricOperation,
  FabricPort,
  FabricStation,
} from '../../fabric/control/protocol.js';
import type { Change, Json, Resource } from '../../plan/resource.js';
import { uplinkOf } from './uplink.js';
import { vxlanOf } from './vxlan.js';
import type { Forward, Network, Nic, Topology } from '../../topology/topology.js';
import { leadsTo } from '../../topology/leads-to.js';

import { desireNamespaces, namespaceOf, namespacePath } from './namespaces.js';
import { isTap, nicOptions } from './options.js';

export const PROVIDER = 'user';
export const PROCESS_ID = `${PROVIDER}/process/fabric`;

/** Stands for the version of a fabric that runs and does not answer. */
export const UNRESPONSIVE = 'unresponsive';

/** Resource id of the switch port that a NIC is plugged into. */
export function portId(nicId: string): string {
  return `${PROVIDER}/port/${nicId}`;
}

export function desireFabric(
  topology: Topology,
  version: string,
  socketPathOf: (nic: Nic) => string,
  vdeDirectoryOf: (network: Network) => string | undefined = () => undefined,
): Resource[] {
  const networks = topology.networks.filter((network) => network.engine === PROVIDER);
  if (networks.length === 0) return [];
  const ours = new Set(networks.map((network) => network.name));
  const ports = topology.machines
    .flatMap((machine) => machine.nics)
    .filter((nic) => ours.has(nic.network))
    .map(
      (nic): Resource => ({
        ...portResource(fabricPort(topology.project, nic, socketPathOf(nic))),
        reason: `port of ${nic.machine} on ${nic.network}`,
        source: nic.source,
      }),
    );
  const forwards = topology.forwards
    .filter((forward) => ours.has(forward.network))
    .map(
      (forward): Resource => ({
        ...forwardResource(
          fabricForward(forward),
          forward.targets.map(({ machine }) => machine),
        ),
        reason: leadsTo(forward),
        source: forward.source,
      }),
    );
  const namespaces = desireNamespaces(
    PROVIDER,
    topology.project,
    topology.machines.flatMap(({ nics }) => nics).filter(({ network }) => ours.has(network)),
  );
  return [
    ...namespaces,
    { ...processResource(version), reason: 'the switch, gateway and NAT of the user engine' },
    ...networks.map(
      (network): Resource => ({
        ...networkResource(fabricNetwork(topology, network, vdeDirectoryOf(network))),
        reason: `${network.mode} network${network.ipv4 ? ` ${network.ipv4.address}/${network.ipv4.prefixLength}` : ''}`,
        source: network.source,
        affects: ports
          .filter((port) => port.properties['network'] === network.name)
          .flatMap((port) => port.affects),
      }),
    ),
    ...ports,
    ...forwards,
  ];
}

/** What the fabric reports, as resources. */
export function observedFabric(configuration: FabricConfiguration, version: string): Resource[] {
  const machineOfAddress = new Map<string, string>();
  for (const port of configuration.ports) {
    for (const address of [port.ipv4, port.ipv6]) {
      if (address !== undefined) machineOfAddress.set(`${port.network} ${address}`, port.machine);
    }
  }
  return [
    processResource(version),
    ...configuration.networks.map((network) => ({
      ...networkResource(network),
      affects: configuration.ports
        .filter((port) => port.network === network.name)
        .map((port) => port.machine),
    })),
    ...configuration.ports.map(portResource),
    ...configuration.forwards.map((forward) =>
      forwardResource(
        forward,
        forward.targetAddresses.flatMap(
          (address) => machineOfAddress.get(`${forward.network} ${address}`) ?? [],
        ),
      ),
    ),
  ];
}

/** The operations that tell the fabric of these changes, in their order. */
export function operationsFor(changes: readonly Change[]): FabricOperation[] {
  return changes.flatMap((change): FabricOperation[] => {
    const resource = change.action === 'delete' ? change.before : change.after;
    const kind = resource.kind;
    if (kind !== 'network' && kind !== 'port' && kind !== 'forward') return [];
    if (change.action === 'delete') return [{ delete: kind, id: nameOf(resource) }];
    // The properties were made from the fabric's own object by the functions below.
    const put = { put: kind, value: resource.properties } as unknown as FabricOperation;
    return change.action === 'replace' ? [{ delete: kind, id: nameOf(resource) }, put] : [put];
  });
}

export function operationsThatRestore(configuration: FabricConfiguration): FabricOperation[] {
  return [
    ...configuration.networks.map((value): FabricOperation => ({ put: 'network', value })),
    ...configuration.ports.map((value): FabricOperation => ({ put: 'port', value })),
    ...configuration.forwards.map((value): FabricOperation => ({ put: 'forward', value })),
  ];
}

/** What the fabric calls it: the id without provider and kind. */
function nameOf(resource: Resource): string {
  return resource.id.split('/').slice(2).join('/');
}

function processResource(version: string): Resource {
  return {
    id: PROCESS_ID,
    provider: PROVIDER,
    kind: 'process',
    properties: { version },
    needs: [],
    affects: [],
  };
}

function networkResource(value: FabricNetwork): Resource {
  return {
    id: `${PROVIDER}/network/${value.name}`,
    provider: PROVIDER,
    kind: 'network',
    properties: properties(value),
    needs: [PROCESS_ID],
    affects: [],
  };
}

function portResource(value: FabricPort): Resource {
  return {
    id: portId(value.id),
    provider: PROVIDER,
    kind: 'port',
    properties: properties(value),
    needs: [`${PROVIDER}/network/${value.network}`],
    affects: [value.machine],
  };
}

function forwardResource(value: FabricForward, machines: readonly string[]): Resource {
  return {
    id: `${PROVIDER}/forward/${value.id}`,
    provider: PROVIDER,
    kind: 'forward',
    properties: properties(value),
    needs: [`${PROVIDER}/network/${value.network}`],
    affects: machines,
  };
}

/** The object as JSON carries it: keys that are undefined are not there. */
function properties(value: object): Record<string, Json> {
  return JSON.parse(JSON.stringify(value)) as Record<string, Json>;
}

function fabricNetwork(
  topology: Topology,
  network: Network,
  vdeDirectory: string | undefined,
): FabricNetwork {
  const { name, mode, mtuBytes, gatewayMac, hostLoopback, ipv4, ipv6, dhcp, dns } = network;
  const vxlan = vxlanOf(network);
  const uplink = uplinkOf(network);
  const isElsewhere = network.gatewayElsewhere !== undefined;
  const stations = isElsewhere ? [] : stationsElsewhere(topology, network);
  return {
    name,
    mode,
    mtuBytes,
    gatewayMac,
    hostLoopback,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(isElsewhere ? { gatewayElsewhere: true } : { ...(dhcp && { dhcp }), ...(dns && { dns }) }),
    ...(stations.length > 0 && { stations }),
    ...(uplink && { uplink }),
    ...(vxlan && { vxlan }),
    ...(vdeDirectory !== undefined && { vdeDirectory }),
  };
}

/** Machines of the other hosts, whom a gateway here gives addresses and names. */
function stationsElsewhere({ elsewhere = [] }: Topology, { name }: Network): FabricStation[] {
  return elsewhere
    .flatMap(({ nics }) => nics)
    .filter(({ network }) => network === name)
    .map(({ machine, mac, ipv4, ipv6 }) => ({
      machine,
      mac,
      ...(ipv4 !== undefined && { ipv4 }),
      ...(ipv6 !== undefined && { ipv6 }),
    }));
}

function fabricPort(project: string, nic: Nic, socketPath: string): FabricPort {
  const { id, network, machine, mac, ipv4, ipv6, antiSpoofing, interfaceName } = nic;
  const namespace = namespaceOf(project, nic);
  return {
    id,
    network,
    machine,
    mac,
    antiSpoofing,
    ...(isTap(nic)
      ? {
          tap: { interfaceName, ...(namespace !== undefined && { namespacePath: namespacePath(namespace) }) },
        }
      : { socketPath }),
    ...(nicOptions(nic).isVhostUser && { protocol: 'vhost-user' }),
    ...(ipv4 !== undefined && { ipv4 }),
    ...(ipv6 !== undefined && { ipv6 }),
  };
}

function fabricForward(forward: Forward): FabricForward {
  return {
    id: forward.id,
    protocol: forward.protocol,
    listenAddress: forward.listenAddress,
    listenPortFirst: forward.listenPortFirst,
    listenPortLast: forward.listenPortLast,
    network: forward.network,
    targetAddresses: forward.targets.map(({ address }) => address),
    targetPortFirst: forward.targetPortFirst,
    targetPortFixed: forward.targetPortFixed,
    ...(forward.shownSource === 'gateway' && { shownSource: 'gateway' }),
  };
}
