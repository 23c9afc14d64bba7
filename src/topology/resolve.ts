import type { Problem } from '../errors.js';
import { formatRange, hostRange, type AddressRange } from '../spec/address/ranges.js';
import { type FixedSubnet, type MachineSpec, type NetworkSpec, nicId, type Spec } from '../spec/spec.js';
import { formatAddress } from '../wire/address.js';
import { type ChosenAddresses, chooseAddresses } from './addresses.js';
import { resolveForwards } from './forwards.js';
import type { HostFacts } from './host-facts.js';
import { InterfaceNames } from './interface-names.js';
import { chooseMacs, type ChosenMacs } from './macs.js';
import { sortedBy } from './order.js';
import { NOTHING_REMEMBERED } from './remembered.js';
import { shareOf } from './share.js';
import { chooseSubnets, type ChosenSubnets } from './subnets.js';
import type { DhcpSettings, Machine, Network, Subnet, Topology } from './topology.js';

export type TopologyResult = { readonly topology: Topology } | { readonly problems: readonly Problem[] };

/** Decides all that the file leaves open. Pure: the same file and facts give the same topology, in whatever order. */
export function resolveTopology(spec: Spec, hostFacts: HostFacts): TopologyResult {
  const { self } = hostFacts;
  // Many hosts agree because each of them decides by the file alone.
  const facts = self === undefined ? hostFacts : { busySubnets: [], remembered: NOTHING_REMEMBERED };
  const chosen = chooseSubnets(spec, facts);
  const macs = chooseMacs(spec, facts.remembered);
  const assigned = chooseAddresses(spec, chosen.subnets, macs.nics, facts.remembered);
  const problems = [...chosen.problems, ...assigned.problems];
  if (problems.length > 0) return { problems };
  const names = new InterfaceNames(spec.project);
  const networks = sortedBy(spec.networks, ({ name }) => name).map((network) =>
    resolveNetwork(network, chosen.subnets.get(network.name) ?? {}, macs, names),
  );
  const machines = sortedBy(spec.machines, ({ name }) => name).map((machine) =>
    resolveMachine(machine, assigned.addresses, macs, names),
  );
  const forwards = sortedBy(resolveForwards(spec, assigned.addresses), ({ id }) => id);
  const whole = { project: spec.project, networks, machines, forwards };
  return { topology: self === undefined ? whole : shareOf(spec, whole, self) };
}

function resolveNetwork(
  spec: NetworkSpec,
  { ipv4, ipv6 }: ChosenSubnets,
  macs: ChosenMacs,
  names: InterfaceNames,
): Network {
  const { name, mode, engine, mtuBytes, dns, hostLoopback, uplink, options, keyLocations, source } = spec;
  const dhcp = ipv4 && resolveDhcp(spec, ipv4);
  return {
    name,
    mode,
    engine,
    mtuBytes,
    gatewayMac: decided(macs.gateways.get(name)),
    ...(ipv4 && { ipv4: resolveSubnet(ipv4) }),
    ...(ipv6 && { ipv6: resolveSubnet(ipv6) }),
    ...(dhcp && { dhcp }),
    ...(dns && { dns: { domain: dns.domain, upstream: dns.upstream.map(formatAddress) } }),
    hostLoopback,
    ...(uplink !== undefined && { uplink }),
    interfaceName: names.forNetwork(name),
    options,
    ...(keyLocations && { keyLocations }),
    source,
  };
}

function resolveSubnet({ subnet, gateway }: FixedSubnet): Subnet {
  return {
    address: formatAddress({ family: subnet.family, value: subnet.first }),
    prefixLength: subnet.prefixLength,
    gateway: formatAddress(gateway),
  };
}

function resolveDhcp({ dhcp }: NetworkSpec, ipv4: FixedSubnet): DhcpSettings | undefined {
  if (dhcp === undefined) return undefined;
  const [rangeFirst = '', rangeLast = ''] = formatRange(dhcp.range ?? besideGateway(ipv4), 4).split('-');
  return { rangeFirst, rangeLast, leaseSeconds: dhcp.leaseSeconds };
}

/** The larger of the two runs of addresses below and above the gateway. */
function besideGateway({ subnet, gateway }: FixedSubnet): AddressRange {
  const { first, last } = hostRange(subnet);
  const isAboveLarger = last - gateway.value >= gateway.value - first;
  return isAboveLarger ? { first: gateway.value + 1n, last } : { first, last: gateway.value - 1n };
}

function resolveMachine(
  spec: MachineSpec,
  addresses: ReadonlyMap<string, ChosenAddresses>,
  macs: ChosenMacs,
  names: InterfaceNames,
): Machine {
  return {
    name: spec.name,
    nics: spec.nics.map((nic) => {
      const id = nicId(nic);
      return {
        id,
        machine: nic.machine,
        index: nic.index,
        network: nic.network,
        mac: decided(macs.nics.get(id)),
        model: nic.model,
        ...addresses.get(id),
        antiSpoofing: nic.antiSpoofing,
        interfaceName: names.forNic(nic.machine, id),
        options: nic.options,
        ...(nic.keyLocations && { keyLocations: nic.keyLocations }),
        source: nic.source,
      };
    }),
    ...(spec.host !== undefined && { host: spec.host }),
    ...(spec.command && { command: spec.command }),
    source: spec.source,
  };
}

/** A choice that was made for everything there is. */
function decided<T>(choice: T | undefined): T {
  if (choice === undefined) throw new Error('a choice is missing from the topology');
  return choice;
}
