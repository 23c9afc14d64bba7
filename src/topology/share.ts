/**
 * The share of a project that one host carries. A network is on the hosts of its machines and on the host of its
 * gateway; on more than one it is one segment by an overlay. A `bridge` network needs none: the LAN joins its hosts.
 * Gateway, DHCP, names and forwards live on the gateway's host alone.
 */
import type { NetworkSpec, Spec } from '../spec/spec.js';
import { formatAddress } from '../wire/address.js';
import { networkIdentifiers } from './overlay.js';
import { sortedBy } from './order.js';
import type { Network, Topology } from './topology.js';

/** @param whole the topology of all hosts together. @param self name of the host whose share it is. */
export function shareOf(spec: Spec, whole: Topology, self: string): Topology {
  const specs = new Map(spec.networks.map((network) => [network.name, network]));
  const hostsOf = new Map(spec.networks.map((network) => [network.name, hostsOn(spec, network)]));
  const identifiers = networkIdentifiers(spec.project, [...specs.keys()]);
  const addresses = new Map(spec.hosts.map(({ name, address }) => [name, formatAddress(address)]));

  const part = (network: Network): Network => {
    const { tunnel, gatewayHost, mode } = specs.get(network.name) ?? {};
    const hosts = hostsOf.get(network.name) ?? new Set();
    const peers = [...hosts].filter((host) => host !== self);
    if (peers.length === 0 || mode === 'bridge' || tunnel === undefined) return network;
    return {
      ...network,
      ...(gatewayHost !== undefined && gatewayHost !== self && { gatewayElsewhere: gatewayHost }),
      overlay: {
        type: tunnel,
        identifier: identifiers.get(network.name) ?? 0,
        localAddress: addresses.get(self) ?? '',
        peers: sortedBy(peers, (host) => host).map((host) => ({ host, address: addresses.get(host) ?? '' })),
      },
    };
  };
  const networks = whole.networks.filter(({ name }) => hostsOf.get(name)?.has(self) === true).map(part);
  const served = new Set(
    networks.filter(({ gatewayElsewhere }) => gatewayElsewhere === undefined).map(({ name }) => name),
  );
  return {
    project: whole.project,
    networks,
    machines: whole.machines.filter(({ host }) => host === self),
    elsewhere: whole.machines.filter(({ host }) => host !== self),
    forwards: whole.forwards.filter(({ network }) => served.has(network)),
  };
}

/** Names of the hosts that a network is on. */
function hostsOn(spec: Spec, network: NetworkSpec): ReadonlySet<string> {
  const { name, mode, dhcp, dns, ipv6, gatewayHost } = network;
  const hosts = new Set(
    spec.machines
      .filter(({ nics }) => nics.some((nic) => nic.network === name))
      .flatMap(({ host }) => (host === undefined ? [] : [host])),
  );
  const isServed = dhcp !== undefined || dns !== undefined || ipv6 !== 'none';
  const hasGateway = mode === 'nat' || mode === 'routed' || (mode === 'isolated' && isServed);
  if (gatewayHost !== undefined && (hasGateway || hosts.size === 0)) hosts.add(gatewayHost);
  return hosts;
}
