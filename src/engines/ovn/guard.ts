/**
 * What a machine may say (RFC 2827, RFC 7610). Its MAC and addresses are the matter of the logical port's `port_security`
 * (ovn-nb(5)): frames, ARP and neighbour discovery that speak of any other end there. What only servers and routers say is
 * refused by an ACL of the network's port group.
 *
 * Limits: ACLs of OVN let all of neighbour discovery pass, and router advertisements with it, whatever they say; so nothing
 * keeps a machine from advertising itself as a router of its own network. IPv6 addresses that a machine makes up (RFC 8981,
 * RFC 7217) do not pass, since with a whole prefix in `port_security` it could lay claim to those of the others. Of a
 * guarded NIC nothing passes but IP and ARP, no ARP probe (RFC 5227), and no IGMP before it has its address. Pure.
 */
import type { Network, Nic } from '../../topology/topology.js';
import { linkLocalOf } from '../kernel-gateway/link-local.js';
import { groupName } from './identity.js';
import type { GuardProperties } from './resources.js';

/** Above what a person adds with ovn-nbctl's usual 1000. */
const PRIORITY = 2000;
/** Of its flows: ovn-northd leaves room below for its own (OVN_ACL_PRI_OFFSET). */
export const ACL_FLOW_PRIORITY = PRIORITY + 1000;

/**
 * Answers of DHCP and DHCPv6 servers; redirects. OVN takes no `&&` beside `||` without parentheses, and says so in
 * ovn-controller's log alone.
 */
const SERVERS_ONLY = '((ip4 && udp.dst == 68) || (ip6 && udp.dst == 546) || icmp6.type == 137)';

export function guardOf(project: string, network: Network): GuardProperties {
  const name = groupName(project, network.name);
  return { name, rules: [`${PRIORITY} drop inport == @${name} && ${SERVERS_ONLY}`] };
}

/** What port security lets a guarded NIC say. */
export function portSecurityOf({ mac, ipv4, ipv6 }: Nic): string[] {
  // Where no subnet is of ours the LAN, or the machine, decides which addresses it has.
  if (ipv4 === undefined && ipv6 === undefined) return [mac];
  const addresses = [ipv4, ipv6, linkLocalOf(mac)].filter((each) => each !== undefined);
  return [[mac, ...addresses].join(' ')];
}
