/**
 * DHCP, router advertisements and names as resources. One dnsmasq serves every network that asks the same resolvers; an
 * isolated network has one of its own, in a network namespace of its own, so that the host itself stays out. Pure.
 */
import { createHash } from 'node:crypto';
import type { DnsmasqHost, DnsmasqNetwork } from '../../../clients/dnsmasq/config-lines.js';
import type { Json, Resource } from '../../../plan/resource.js';
import type { Network, Nic, Topology } from '../../../topology/topology.js';
import { formatIpv4 } from '../../../wire/address.js';
import { ipv4Mask } from '../../../wire/cidr.js';
import { blockOf } from '../rules/policy.js';

export const SERVER_KIND = 'dnsmasq';
export const NETWORK_KIND = 'dhcp';
export const HOST_KIND = 'dhcp-host';
export const DHCP_KINDS: ReadonlySet<string> = new Set([SERVER_KIND, NETWORK_KIND, HOST_KIND]);

export interface ServerProperties {
  /** Named network namespace it runs in; null: the host's. */
  readonly namespace: string | null;
  readonly upstream: readonly string[] | 'host';
  /** The running process has read what is in its files. */
  readonly isCurrent: boolean;
}

/** Where the server of a network runs, decided by the engine that owns the segment. */
export interface ServerPlace {
  readonly namespace: string | null;
  /** Device on which requests come in, inside that namespace. */
  readonly device: string;
  /** Ids that must stand first. */
  readonly needs: readonly string[];
}

/** Whether the network has anything to serve here: addresses or names. */
export function isServed(network: Network): boolean {
  if (network.mode === 'bridge' || network.gatewayElsewhere !== undefined) return false;
  return network.dhcp !== undefined || network.dns !== undefined || network.ipv6 !== undefined;
}

export function desireDhcp(
  provider: string,
  topology: Topology,
  networks: readonly Network[],
  placeOf: (network: Network) => ServerPlace,
): Resource[] {
  const served = networks.filter(isServed);
  const nics = [...topology.machines, ...(topology.elsewhere ?? [])].flatMap((machine) => machine.nics);
  const instances = new Map<string, Network[]>();
  for (const network of served) {
    const instance = instanceOf(network);
    instances.set(instance, [...(instances.get(instance) ?? []), network]);
  }
  return [...instances].flatMap(([instance, members]) => {
    const parts = members.flatMap((network) => [
      networkResource(provider, instance, network, placeOf(network)),
      ...nics
        .filter((nic) => nic.network === network.name)
        .map((nic) => hostResource(provider, instance, network, nic)),
    ]);
    const [first] = members;
    if (first === undefined) return [];
    const server: ServerProperties = {
      namespace: placeOf(first).namespace,
      upstream: upstreamOf(first),
      isCurrent: true,
    };
    return [
      ...parts,
      {
        id: `${provider}/${SERVER_KIND}/${instance}`,
        provider,
        kind: SERVER_KIND,
        properties: { ...server },
        needs: parts.map(({ id }) => id),
        reason: `DHCP, router advertisements and names of ${members.map(({ name }) => name).join(', ')}`,
        source: first.source,
        affects: [],
      },
    ];
  });
}

function instanceOf(network: Network): string {
  if (network.mode === 'isolated') return `isolated.${network.name}`;
  const upstream = upstreamOf(network);
  if (upstream === 'host') return 'main';
  return `dns.${createHash('sha256').update(upstream.join(' ')).digest('hex').slice(0, 8)}`;
}

function upstreamOf(network: Network): readonly string[] | 'host' {
  if (network.mode === 'isolated') return [];
  const upstream = network.dns?.upstream ?? [];
  return upstream.length === 0 ? 'host' : upstream;
}

function networkResource(provider: string, instance: string, network: Network, place: ServerPlace): Resource {
  const { ipv4, ipv6, dhcp, dns } = network;
  const value: DnsmasqNetwork = {
    device: place.device,
    mtuBytes: network.mtuBytes,
    isRouter: network.mode !== 'isolated',
    domain: dns?.domain ?? null,
    ipv4: ipv4
      ? { block: blockOf(ipv4), netmask: formatIpv4(ipv4Mask(ipv4.prefixLength)), gateway: ipv4.gateway }
      : null,
    ipv6: ipv6 ? { block: blockOf(ipv6), gateway: ipv6.gateway } : null,
    dhcp: dhcp ? { first: dhcp.rangeFirst, last: dhcp.rangeLast, leaseSeconds: dhcp.leaseSeconds } : null,
  };
  return {
    id: `${provider}/${NETWORK_KIND}/${network.name}`,
    provider,
    kind: NETWORK_KIND,
    properties: { instance, ...(value as unknown as Record<string, Json>) },
    needs: place.needs,
    reason: `addresses and names of ${network.name}`,
    source: network.source,
    affects: [],
  };
}

function hostResource(provider: string, instance: string, network: Network, nic: Nic): Resource {
  const value: DnsmasqHost = {
    mac: nic.mac,
    name: nic.machine,
    domain: network.dns?.domain ?? null,
    ipv4: nic.ipv4 ?? null,
    ipv6: nic.ipv6 ?? null,
    network: network.name,
  };
  return {
    id: `${provider}/${HOST_KIND}/${nic.id}`,
    provider,
    kind: HOST_KIND,
    properties: { instance, ...value },
    needs: [`${provider}/${NETWORK_KIND}/${network.name}`],
    reason: `address and name of ${nic.machine} on ${network.name}`,
    source: nic.source,
    affects: [nic.machine],
  };
}
