/**
 * DHCP that OVN answers by itself, on each host for the machines there, as `isolated` networks have it: no server that
 * could be down, and no lease to lose, since every address is in the file. Pure.
 */
import type { Network } from '../../topology/topology.js';
import type { DhcpOptionsProperties } from './resources.js';

export function answersDhcp({ mode, dhcp, ipv4 }: Network): boolean {
  return mode === 'isolated' && dhcp !== undefined && ipv4 !== undefined;
}

/** @param network one that {@link answersDhcp}. */
export function dhcpOptionsOf(network: Network): DhcpOptionsProperties {
  const { ipv4, dhcp, dns, gatewayMac, mtuBytes } = network;
  if (ipv4 === undefined || dhcp === undefined) throw new Error(`${network.name} has no DHCP`);
  return {
    cidr: `${ipv4.address}/${ipv4.prefixLength}`,
    options: {
      server_id: ipv4.gateway,
      server_mac: gatewayMac,
      lease_time: String(dhcp.leaseSeconds),
      mtu: String(mtuBytes),
      ...(dns !== undefined && { dns_server: ipv4.gateway, domain_name: quoted(dns.domain) }),
    },
  };
}

/** Text as OVN's expressions have it (ovn-sb(5)): without its quotes the whole answer is left out, and nobody is told. */
export function quoted(text: string): string {
  return `"${text}"`;
}
