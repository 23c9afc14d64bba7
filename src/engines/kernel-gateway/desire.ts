/** The gateway's part of a topology as resources. Pure. */
import type { Resource } from '../../plan/resource.js';
import type { Forward, Network, Nic, Topology } from '../../topology/topology.js';
import { leadsTo } from '../../topology/leads-to.js';
import { placedAddresses, publicAddressResources } from './public/public-addresses.js';
import { desireAdmission } from './rules/admission.js';
import { desireBridgeNetfilter } from './rules/bridge-netfilter.js';
import { desiredDevice, deviceProperties } from './device.js';
import { desireDhcp, type ServerPlace } from './dhcp/dhcp-resources.js';
import { elementProperties } from './rules/elements.js';
import { forwardElements } from './rules/forwards.js';
import { gatewayTable } from './rules/gateway-table.js';
import { desireNeighbourProxies } from './uplink/neighbour-proxy.js';
import { policyElements } from './rules/policy.js';
import { tableProperties } from './rules/ruleset.js';
import { desireUplinkForwarding } from './uplink/uplink-forwarding.js';
import { desireUplinkRoutes } from './uplink/uplink-routes.js';

export const TABLE_KIND = 'nft-table';
export const DEVICE_KIND = 'gateway';
export const POLICY_KIND = 'policy';
export const FORWARD_KIND = 'forward';

export interface GatewayRequest {
  readonly project: string;
  /** Engine that the resources belong to. */
  readonly provider: string;
  readonly topology: Topology;
  /** The networks of that engine. */
  readonly networks: readonly Network[];
  /** Id of the resource that is the network's device on the host. */
  readonly segmentId: (network: Network) => string;
  /** Where an isolated network's DHCP server runs; elsewhere it is the gateway's device on the host. */
  readonly isolatedServer: (network: Network) => ServerPlace;
  /** UDP port by which the host's own stack takes what comes from a network's other hosts; absent: it does not. */
  readonly tunnelPort?: number;
}

export function desireGateway(request: GatewayRequest): Resource[] {
  const { project, provider, topology, segmentId } = request;
  const networks = request.networks.map(asSeenFromHere);
  if (networks.length === 0) return [];
  const names = new Set(networks.map(({ name }) => name));
  const forwards = topology.forwards.filter(({ network }) => names.has(network));
  const nics = topology.machines.flatMap((machine) => machine.nics);
  const machines = new Map<string, Set<string>>(networks.map(({ name }) => [name, new Set()]));
  for (const { network, machine } of nics) machines.get(network)?.add(machine);
  const machinesOn = (network: Network): string[] => [...(machines.get(network.name) ?? [])];
  const tableId = gatewayTableId(provider);
  const gateways = networks.filter(({ mode }) => mode === 'nat' || mode === 'routed');
  const placed = placedAddresses(gateways, nicsEverywhere(topology));
  const answeredIpv6 = new Set(placed.flatMap(({ family, network }) => (family === 6 ? [network.name] : [])));
  return [
    {
      id: tableId,
      provider,
      kind: TABLE_KIND,
      properties: tableProperties(gatewayTable(project, provider)),
      needs: [],
      reason: 'the rules of the gateway, the same for any number of networks',
      affects: [],
    },
    desireBridgeNetfilter(provider),
    ...desireUplinkForwarding(provider, networks, answeredIpv6),
    ...networks.map((network): Resource => {
      const isGateway = gateways.includes(network);
      return {
        id: policyId(provider, network.name),
        provider,
        kind: POLICY_KIND,
        properties: elementProperties(policyElements(network)),
        needs: [tableId, segmentId(network)],
        reason: isGateway
          ? `what ${network.name} may reach: ${network.mode}`
          : `${network.name} is ${network.mode}`,
        source: network.source,
        affects: machinesOn(network),
      };
    }),
    ...networks.map((network) => desireAdmission(provider, network, request.tunnelPort)),
    ...gateways.map(
      (network): Resource => ({
        id: deviceId(provider, network.name),
        provider,
        kind: DEVICE_KIND,
        properties: deviceProperties(desiredDevice(network, forwards)),
        needs: [segmentId(network), policyId(provider, network.name)],
        reason: `the gateway of ${network.name}`,
        source: network.source,
        affects: machinesOn(network),
      }),
    ),
    ...desireUplinkRoutes(provider, gateways, (name) => deviceId(provider, name)),
    ...desireNeighbourProxies(provider, gateways, nicsEverywhere(topology), (name) =>
      deviceId(provider, name),
    ),
    ...forwards.map((forward) => forwardResource(provider, forward)),
    ...placed.flatMap((each) =>
      publicAddressResources(
        provider,
        each,
        [tableId, policyId(provider, each.network.name)],
        [deviceId(provider, each.network.name)],
      ),
    ),
    ...desireDhcp(provider, topology, networks, (network) =>
      network.mode === 'isolated'
        ? request.isolatedServer(network)
        : { namespace: null, device: network.interfaceName, needs: [deviceId(provider, network.name)] },
    ),
  ];
}

/** The gateway's host answers for machines of the other hosts too. */
export function nicsEverywhere({ machines, elsewhere = [] }: Topology): Nic[] {
  return [...machines, ...elsewhere].flatMap(({ nics }) => [...nics]);
}

/** The host is the network's gateway. */
export function hasGatewayHere({ mode, gatewayElsewhere }: Network): boolean {
  return (mode === 'nat' || mode === 'routed') && gatewayElsewhere === undefined;
}

/** A host that does not bear a network's gateway keeps out of it, as out of an isolated one. */
export function asSeenFromHere(network: Network): Network {
  return network.gatewayElsewhere === undefined ? network : { ...network, mode: 'isolated' };
}

function forwardResource(provider: string, forward: Forward): Resource {
  return {
    id: `${provider}/${FORWARD_KIND}/${forward.id}`,
    provider,
    kind: FORWARD_KIND,
    properties: elementProperties(forwardElements(forward)),
    needs: [gatewayTableId(provider), policyId(provider, forward.network)],
    reason: leadsTo(forward),
    source: forward.source,
    affects: forward.targets.map(({ machine }) => machine),
  };
}

export function gatewayTableId(provider: string): string {
  return `${provider}/${TABLE_KIND}/gateway`;
}

export function policyId(provider: string, network: string): string {
  return `${provider}/${POLICY_KIND}/${network}`;
}

export function deviceId(provider: string, network: string): string {
  return `${provider}/${DEVICE_KIND}/${network}`;
}
