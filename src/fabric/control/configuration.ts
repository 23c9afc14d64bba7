/** The fabric's configuration as a value: operations applied to it, and what must hold of the outcome. Pure. */
import { PasserelleError } from '../../errors.js';
import { parseAddress, parseIpv4 } from '../../wire/address.js';
import { cidrContains, cidrOf } from '../../wire/cidr.js';
import type {
  FabricConfiguration,
  FabricForward,
  FabricNetwork,
  FabricOperation,
  FabricPort,
  FabricSubnet,
} from './protocol.js';

/** The objects of a configuration by name or id, in the order in which they came. */
export interface Configured {
  readonly networks: ReadonlyMap<string, FabricNetwork>;
  readonly ports: ReadonlyMap<string, FabricPort>;
  readonly forwards: ReadonlyMap<string, FabricForward>;
}

export const EMPTY: Configured = { networks: new Map(), ports: new Map(), forwards: new Map() };

export function toConfiguration(configured: Configured): FabricConfiguration {
  return {
    networks: [...configured.networks.values()],
    ports: [...configured.ports.values()],
    forwards: [...configured.forwards.values()],
  };
}

/**
 * What the configuration is after the operations. Deleting what is not there changes nothing.
 * @throws PasserelleError when the outcome does not hold together; codes `fabric/unknown-network`,
 * `fabric/duplicate-mac`, `fabric/duplicate-address`, `fabric/duplicate-socket`, `fabric/duplicate-tap`, `fabric/address-outside-subnet`.
 */
export function applyOperations(before: Configured, operations: readonly FabricOperation[]): Configured {
  const networks = new Map(before.networks);
  const ports = new Map(before.ports);
  const forwards = new Map(before.forwards);
  const byKind = { network: networks, port: ports, forward: forwards };
  for (const operation of operations) {
    if ('delete' in operation) byKind[operation.delete].delete(operation.id);
    else if (operation.put === 'network') networks.set(operation.value.name, operation.value);
    else if (operation.put === 'port') ports.set(operation.value.id, operation.value);
    else forwards.set(operation.value.id, operation.value);
  }
  const after = { networks, ports, forwards };
  check(after);
  return after;
}

/** The configuration with every machine that it knows as a port: those behind the switch of somebody else too. */
export function withStations(configuration: FabricConfiguration): FabricConfiguration {
  const stations = configuration.networks.flatMap(stationsAsPorts);
  return stations.length === 0
    ? configuration
    : { ...configuration, ports: [...configuration.ports, ...stations] };
}

/** What the gateway and its services know of a network's stations. Nothing is ever plugged in there. */
export function stationsAsPorts(network: FabricNetwork): FabricPort[] {
  return (network.stations ?? []).map((station) => ({
    ...station,
    id: `${station.machine}@${network.name}`,
    network: network.name,
    antiSpoofing: false,
  }));
}

function check({ networks, ports, forwards }: Configured): void {
  const taken = new Map<string, string>();
  /** Each key has one holder. */
  const claim = (code: string, key: string, what: string, holder: string): void => {
    const other = taken.get(key);
    if (other !== undefined) throw refusal(code, `${holder} and ${other} both have ${what}`);
    taken.set(key, holder);
  };
  for (const { name, gatewayMac, ipv4, ipv6, dhcp, vdeDirectory } of networks.values()) {
    if (vdeDirectory !== undefined) claim('fabric/duplicate-socket', vdeDirectory, vdeDirectory, name);
    const holder = `the gateway of ${name}`;
    claim('fabric/duplicate-mac', `${name} ${gatewayMac}`, gatewayMac, holder);
    for (const subnet of [ipv4, ipv6]) {
      if (subnet === undefined) continue;
      requireInside(subnet, subnet.gateway, holder);
      claim('fabric/duplicate-address', addressKey(name, subnet.gateway), subnet.gateway, holder);
    }
    if (ipv4 === undefined || dhcp === undefined) continue;
    requireInside(ipv4, dhcp.rangeFirst, `the DHCP range of ${name}`);
    requireInside(ipv4, dhcp.rangeLast, `the DHCP range of ${name}`);
  }
  for (const port of [...ports.values(), ...[...networks.values()].flatMap(stationsAsPorts)]) {
    const network = requireNetwork(networks, port.network, `port ${port.id}`);
    claim('fabric/duplicate-mac', `${network.name} ${port.mac}`, port.mac, port.id);
    const { id, socketPath, tap } = port;
    if (socketPath !== undefined) claim('fabric/duplicate-socket', socketPath, socketPath, id);
    if (tap !== undefined) {
      const place = `${tap.namespacePath ?? ''} ${tap.interfaceName}`;
      claim('fabric/duplicate-tap', `tap ${place}`, `the tap${place}`, id);
    }
    for (const family of ['ipv4', 'ipv6'] as const) {
      const address = port[family];
      if (address === undefined) continue;
      const subnet = network[family];
      if (subnet !== undefined) requireInside(subnet, address, port.id);
      claim('fabric/duplicate-address', addressKey(network.name, address), address, port.id);
    }
  }
  for (const { id, network: name, targetAddresses } of forwards.values()) {
    const network = requireNetwork(networks, name, `forward ${id}`);
    for (const address of targetAddresses) {
      const subnet = parseIpv4(address) === undefined ? network.ipv6 : network.ipv4;
      if (subnet === undefined) {
        throw refusal(
          'fabric/address-outside-subnet',
          `${name} has no subnet for ${address} of forward ${id}`,
        );
      }
      requireInside(subnet, address, `forward ${id}`);
    }
  }
}

function requireNetwork(
  networks: ReadonlyMap<string, FabricNetwork>,
  name: string,
  holder: string,
): FabricNetwork {
  const network = networks.get(name);
  if (network !== undefined) return network;
  throw refusal('fabric/unknown-network', `${holder} is on network ${name}, which is not there`);
}

function requireInside(subnet: FabricSubnet, address: string, holder: string): void {
  const network = parseAddress(subnet.address);
  const host = parseAddress(address);
  if (network !== undefined && host !== undefined) {
    if (cidrContains(cidrOf(network, subnet.prefixLength), host)) return;
  }
  throw refusal(
    'fabric/address-outside-subnet',
    `${address} of ${holder} is not in ${subnet.address}/${subnet.prefixLength}`,
  );
}

/** One key for every way of writing an address. */
function addressKey(network: string, address: string): string {
  const parsed = parseAddress(address);
  return `${network} ${parsed?.family}/${parsed?.value}`;
}

function refusal(code: string, message: string): PasserelleError {
  return new PasserelleError({ code, message }, 2);
}
