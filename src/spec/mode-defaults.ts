import type { Cidr } from '../wire/cidr.js';
import { hostRange } from './address/ranges.js';
import type { WrittenNetwork } from './schema/network.js';
import type { DhcpWish, DnsWish, FixedSubnet, SubnetWish } from './spec.js';

/*
 * What a network has when the file does not say: a gateway's networks (nat, routed) have addresses, DHCP and names; an
 * isolated one has what it is asked to have; on a bridge the LAN decides.
 */

const DEFAULT_LEASE_SECONDS = 3600;
/** RFC 894. */
export const ETHERNET_MTU_BYTES = 1500;
/** What a VXLAN tunnel adds to a packet: inner Ethernet header, VXLAN, UDP and outer IP (RFC 7348 section 5). */
const VXLAN_OVERHEAD_BYTES = { 4: 14 + 8 + 8 + 20, 6: 14 + 8 + 8 + 40 } as const;

/** With tunnels of its own, what is left of 1500 bytes between the hosts. */
export function vxlanMtuBytes({ vxlan }: WrittenNetwork): number | undefined {
  if (vxlan === undefined) return undefined;
  const isIpv6 = vxlan.peers.some((peer) => peer.includes(':'));
  return ETHERNET_MTU_BYTES - VXLAN_OVERHEAD_BYTES[isIpv6 ? 6 : 4];
}

/** The gateway's address unless the file names one: the first a host may have. */
export function withFirstGateway(subnet: Cidr): FixedSubnet {
  return { subnet, gateway: { family: subnet.family, value: hostRange(subnet).first } };
}

function hasGateway(written: WrittenNetwork): boolean {
  return written.mode === 'nat' || written.mode === 'routed';
}

function asksForDhcp(written: WrittenNetwork): boolean {
  return written.dhcp !== undefined && written.dhcp !== false;
}

export function ipv4Wish(written: WrittenNetwork): SubnetWish {
  const { ipv4 } = written;
  if (ipv4 === false || written.mode === 'bridge') return 'none';
  if (ipv4 === undefined) return hasGateway(written) || asksForDhcp(written) ? 'auto' : 'none';
  if (ipv4 === 'auto') return 'auto';
  if ('family' in ipv4) return withFirstGateway(ipv4);
  const { subnet, gateway = withFirstGateway(subnet).gateway } = ipv4;
  return { subnet, gateway };
}

export function ipv6Wish(written: WrittenNetwork): SubnetWish {
  const { ipv6 } = written;
  if (ipv6 === false || written.mode === 'bridge') return 'none';
  if (ipv6 === undefined) return hasGateway(written) ? 'auto' : 'none';
  return ipv6 === 'auto' ? 'auto' : withFirstGateway(ipv6);
}

export function dhcpWish(written: WrittenNetwork): DhcpWish | undefined {
  const { dhcp = hasGateway(written) } = written;
  if (dhcp === false || written.mode === 'bridge' || ipv4Wish(written) === 'none') return undefined;
  const { range, lease = DEFAULT_LEASE_SECONDS } = dhcp === true ? {} : dhcp;
  return { ...(range && { range }), leaseSeconds: lease };
}

export function dnsWish(written: WrittenNetwork, project: string): DnsWish | undefined {
  const { dns = hasGateway(written) || dhcpWish(written) !== undefined } = written;
  const hasAddresses = ipv4Wish(written) !== 'none' || ipv6Wish(written) !== 'none';
  if (dns === false || !hasAddresses) return undefined;
  const { domain = `${project}.internal`, upstream = [] } = dns === true ? {} : dns;
  return { domain, upstream };
}
