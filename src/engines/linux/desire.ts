/** The Linux engine's part of a topology as resources. Pure. */
import type { Resource } from '../../plan/resource.js';
import type { Network, Topology } from '../../topology/topology.js';
import { VXLAN_PORT } from '../../wire/vxlan.js';
import { asSeenFromHere, desireGateway, TABLE_KIND } from '../kernel-gateway/desire.js';
import type { ServerPlace } from '../kernel-gateway/dhcp/dhcp-resources.js';
import { isServed } from '../kernel-gateway/dhcp/dhcp-resources.js';
import { linkLocalOf } from '../kernel-gateway/link-local.js';
import { tableName, tableProperties } from '../kernel-gateway/rules/ruleset.js';
import { UPLINK_FORWARDING_KIND } from '../kernel-gateway/uplink/uplink-forwarding.js';
import {
  isGuarded,
  isOnUplink,
  namespaceId,
  namespacesOf,
  type Port,
  portResources,
} from './desire-ports.js';
import { CLOSED_TABLE_ID, PROVIDER, resource } from './identity.js';
import { BRIDGE_KIND, bridgeId, bridgeProperties } from './bridge.js';
import { CLOSED_KIND, closedProperties } from './closed.js';
import { guardTable } from './guard-table.js';
import { namespaceName } from './marks.js';
import { nicOptions } from './options.js';
import { peerTableResource, tunnelResources } from './overlay/desire-tunnel.js';
import { spreadNetworks } from './overlay/peer-table.js';
import { serverPortName } from './port-names.js';
import { UPLINK_KIND, uplinkProperties } from './uplink/uplink-resource.js';
import { NAMESPACE_KIND, VETH_KIND, vethProperties } from './veth.js';

export function desireLinux(project: string, topology: Topology): Resource[] {
  const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
  const byName = new Map(networks.map((network) => [network.name, network]));
  const ports = topology.machines
    .flatMap((machine) => machine.nics)
    .flatMap((nic) => {
      const network = byName.get(nic.network);
      return network === undefined ? [] : [{ nic, network }];
    });
  const portsByNetwork = new Map<string, Port[]>(networks.map(({ name }) => [name, []]));
  for (const port of ports) portsByNetwork.get(port.network.name)?.push(port);
  const portsOn = ({ name }: Network): readonly Port[] => portsByNetwork.get(name) ?? [];
  const segments = networks.filter((network) => !isOnUplink(network, portsOn(network)));
  const isolated = networks.map(asSeenFromHere).filter(({ mode }) => mode === 'isolated');
  const spread = spreadNetworks(segments);
  return [
    ...segments.map((network) => bridgeResource(network, portsOn(network))),
    ...tables(project, ports, isolated, spread.length > 0),
    ...isolated.flatMap((network) => closedResources(project, network)),
    ...spread.flatMap(({ network, overlay }) =>
      tunnelResources(network, overlay, machinesOf(portsOn(network))),
    ),
    ...segments
      .filter(({ mode }) => mode === 'bridge')
      .map((network) => uplinkResource(network, portsOn(network))),
    ...namespacesOf(project, ports),
    ...ports.flatMap(({ nic, network }) => portResources(project, nic, network)),
    ...desireGateway({
      project,
      provider: PROVIDER,
      topology,
      networks: segments,
      segmentId: (network) => bridgeId(PROVIDER, network.name),
      isolatedServer: (network) => serverPlace(project, network),
      tunnelPort: VXLAN_PORT,
    }).map((resource) => afterUplinks(resource, segments)),
  ];
}

/** Once the NIC is in a bridge, the default route is the bridge's: what asks for it comes after. */
function afterUplinks(resource: Resource, networks: readonly Network[]): Resource {
  if (resource.kind !== UPLINK_FORWARDING_KIND) return resource;
  const uplinks = networks.filter(({ mode }) => mode === 'bridge').map(({ name }) => uplinkId(name));
  return { ...resource, needs: [...resource.needs, ...uplinks] };
}

function uplinkId(network: string): string {
  return `${PROVIDER}/${UPLINK_KIND}/${network}`;
}

function bridgeResource(network: Network, ports: readonly Port[]): Resource {
  return {
    ...resource(BRIDGE_KIND, network.name, bridgeProperties(asSeenFromHere(network)), []),
    reason: `the segment of ${network.name} (${network.mode})`,
    source: network.source,
    affects: machinesOf(ports),
  };
}

function uplinkResource(network: Network, ports: readonly Port[]): Resource {
  return {
    ...resource(UPLINK_KIND, network.name, uplinkProperties(network), [bridgeId(PROVIDER, network.name)]),
    reason: `${network.name} is the LAN itself, by ${network.uplink ?? 'the NIC with the default route'}`,
    source: network.source,
    affects: machinesOf(ports),
  };
}

function machinesOf(ports: readonly Port[]): string[] {
  return [...new Set(ports.map(({ nic }) => nic.machine))];
}

function tables(
  project: string,
  ports: readonly Port[],
  isolated: readonly Network[],
  hasTunnels: boolean,
): Resource[] {
  const guard = guardTable(project, PROVIDER);
  const closed = tableName('netdev', project, PROVIDER);
  return [
    ...(ports.some(({ nic }) => isGuarded(nic) || nicOptions(nic).rateLimitBps !== null)
      ? [
          {
            ...resource(TABLE_KIND, 'guard', tableProperties(guard), []),
            reason: 'the rules of the ports, the same for any number of NICs',
          },
        ]
      : []),
    ...(isolated.length > 0
      ? [
          {
            ...resource(TABLE_KIND, 'closed', { family: closed.family, name: closed.name }, []),
            reason: 'keeps the host out of isolated networks',
          },
        ]
      : []),
    ...(hasTunnels ? [peerTableResource(project)] : []),
  ];
}

function closedResources(project: string, network: Network): Resource[] {
  const { interfaceName: device, name, source } = network;
  const closed: Resource = {
    ...resource(CLOSED_KIND, name, closedProperties(device), [CLOSED_TABLE_ID, bridgeId(PROVIDER, name)]),
    reason: `the host itself stays out of ${name}`,
    source,
  };
  if (!isServed(network)) return [closed];
  const place = serverPlace(project, network);
  const { namespace } = place;
  if (namespace === null) return [closed];
  const gateways = [network.ipv4, network.ipv6].filter((subnet) => subnet !== undefined);
  return [
    closed,
    {
      ...resource(NAMESPACE_KIND, namespace, { namespace }, []),
      reason: `where the server of ${name} runs, away from the host`,
      source,
    },
    {
      ...resource(
        VETH_KIND,
        `${name}.server`,
        vethProperties({
          device: serverPortName(network),
          bridge: device,
          namespace,
          innerDevice: place.device,
          mac: network.gatewayMac,
          mtuBytes: network.mtuBytes,
          addresses: [
            ...gateways.map(({ gateway, prefixLength }) => `${gateway}/${prefixLength}`),
            ...(network.ipv6 ? [`${linkLocalOf(network.gatewayMac)}/64`] : []),
          ].sort(),
          gateways: [],
          isUp: true,
        }),
        [bridgeId(PROVIDER, name), namespaceId(namespace), `${PROVIDER}/${CLOSED_KIND}/${name}`],
      ),
      reason: `port of the server of ${name}`,
      source,
    },
  ];
}

function serverPlace(project: string, network: Network): ServerPlace {
  return {
    namespace: namespaceName(project, 'server', network.name),
    device: 'gateway',
    needs: [`${PROVIDER}/${VETH_KIND}/${network.name}.server`],
  };
}
