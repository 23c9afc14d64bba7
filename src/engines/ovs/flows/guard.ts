/**
 * What may enter the switch from machines: OpenFlow tables that let a NIC speak with its own MAC and addresses only, and
 * never as a DHCP server or a router (RFC 2827, RFC 6105, RFC 7610; the intent of RFC 7513 without its state).
 *
 * The way of a frame. ADMISSION: from a NIC without guard, the gateway or another port, straight to the switch; from a
 * guarded NIC with its MAC on to SERVERS, with another it ends there. SERVERS refuses what only servers and routers say
 * and IP behind more VLAN tags than the switch reads. SOURCES puts the sender's IP address into registers and asks OWNERS
 * whether this port may use it; VERDICT acts on the answer. Neighbour discovery goes on: NEIGHBOURS looks at the MAC it
 * speaks of, CLAIMS asks OWNERS once more, for the address that it lays claim to.
 *
 * OWNERS has two flows an address: its NIC's own, and one without a port, which keeps it from everybody else. So n NICs
 * cost a constant times n flows, not n². An address that is nobody's, in the network's IPv6 prefix or link-local (privacy
 * addresses, RFC 8981), is free for all.
 *
 * Limits: DHCP's own client address field and the link-layer option of router solicitations are not read; OpenFlow has
 * no field for them. EtherTypes that are neither IP nor ARP pass with the right MAC.
 */
import type { Network, Nic } from '../../../topology/topology.js';
import { linkLocalOf } from '../../kernel-gateway/link-local.js';
import { blockIn4, blockIn6, in4, in6 } from './address-match.js';
import { flow } from './flow-text.js';

/** In the order a frame meets them. */
export const Table = {
  admission: 0,
  servers: 1,
  sources: 2,
  arp: 3,
  neighbours: 4,
  claims: 5,
  verdict: 6,
  owners4: 7,
  owners6: 8,
} as const;
type Owners = typeof Table.owners4 | typeof Table.owners6;

/** The learning switch, VLANs included. */
const SWITCH = 'NORMAL';
const DROP = 'drop';
const GRANT = 'load:0x1->NXM_NX_REG4[0]';
const GRANTED = 'reg4=0x1/0x1';

/** Priorities; what stands highest is decided first. */
const REFUSED = 900;
const TRUSTED = 300;
const OWN = 200;
const CLAIMED = 180;
const FREE = 160;
const OTHERWISE = 100;
const LAST = 0;

const SOLICITATION = ['icmp6', 'icmp_type=135'];
const ADVERTISEMENT = ['icmp6', 'icmp_type=136'];
/** OVS reads a missing link-layer option as zero. */
const WITHOUT_OPTION = '00:00:00:00:00:00';

/** Puts an address into the registers, has OWNERS look at it, and goes on. */
function ask(field: string, owners: Owners, next: number): string {
  const register = owners === Table.owners4 ? 'NXM_NX_REG0' : 'NXM_NX_XXREG0';
  return `move:${field}[]->${register}[],resubmit(,${owners}),goto_table:${next}`;
}

/** Flows that serve all guarded NICs of a network. @param isHostIn the host takes part in it. */
export function networkFlows(
  { ipv4, ipv6, gatewayMac }: Pick<Network, 'ipv4' | 'ipv6' | 'gatewayMac'>,
  isHostIn: boolean,
): string[] {
  return [
    // Where the host is in, its end of the bridge is the gateway or the LAN.
    flow(Table.admission, TRUSTED, ['in_port=LOCAL'], isHostIn ? SWITCH : DROP),
    flow(Table.admission, LAST, [], SWITCH),
    ...serverFlows(),
    ...sourceFlows(),
    ...neighbourFlows(),
    flow(Table.verdict, OWN, [GRANTED], SWITCH),
    flow(Table.verdict, LAST, [], DROP),
    ...(ipv4 ? [flow(Table.owners4, CLAIMED, in4(ipv4.gateway), DROP)] : []),
    ...(ipv6
      ? [ipv6.gateway, linkLocalOf(gatewayMac)].map((address) =>
          flow(Table.owners6, CLAIMED, in6(address), DROP),
        )
      : []),
    flow(Table.owners6, FREE, blockIn6('fe80::', 10), GRANT),
    // Without a prefix of ours the LAN decides which addresses its machines have.
    flow(Table.owners6, FREE, ipv6 ? blockIn6(ipv6.address, ipv6.prefixLength) : [], GRANT),
  ];
}

function serverFlows(): string[] {
  const refuse = (...match: string[]) => flow(Table.servers, REFUSED, match, DROP);
  return [
    // Answers of DHCP and DHCPv6 servers; router advertisements and redirects.
    refuse('udp', 'tp_dst=68'),
    refuse('udp6', 'tp_dst=546'),
    refuse('icmp6', 'icmp_type=134'),
    refuse('icmp6', 'icmp_type=137'),
    // Neighbour discovery in fragments (RFC 6980).
    ...[133, 135, 136].map((type) => refuse('icmp6', `icmp_type=${type}`, 'nw_frag=first')),
    // Tags behind those that the switch reads could hide anything.
    ...['0x8100', '0x88a8', '0x9100'].map((type) => refuse(`dl_type=${type}`)),
    flow(Table.servers, LAST, [], `goto_table:${Table.sources}`),
  ];
}

function sourceFlows(): string[] {
  return [
    // ARP that speaks of its own MAC goes to the table of ARP by a flow of its NIC.
    flow(Table.sources, OTHERWISE, ['arp'], DROP),
    // A probe (RFC 5227, 2.1.1) asks from 0.0.0.0; an answer from no address is no answer.
    flow(Table.arp, OWN, ['arp', 'arp_spa=0.0.0.0', 'arp_op=1'], SWITCH),
    flow(Table.arp, OTHERWISE, ['arp'], ask('NXM_OF_ARP_SPA', Table.owners4, Table.verdict)),
    // Before it has an address a host sends DHCP (RFC 2131, 4.1) and IGMP (RFC 3376, 4.2.13) from 0.0.0.0.
    flow(Table.sources, OWN, ['udp', 'nw_src=0.0.0.0', 'tp_dst=67'], SWITCH),
    flow(Table.sources, OWN, ['nw_proto=2', 'ip', 'nw_src=0.0.0.0'], SWITCH),
    flow(Table.sources, OTHERWISE, ['ip'], ask('NXM_OF_IP_SRC', Table.owners4, Table.verdict)),
    // Duplicate address detection and MLD speak from no address; what they claim is looked at further on.
    flow(Table.sources, OWN, ['icmp6', 'ipv6_src=::'], `${GRANT},goto_table:${Table.neighbours}`),
    flow(Table.sources, OTHERWISE, ['ipv6'], ask('NXM_NX_IPV6_SRC', Table.owners6, Table.neighbours)),
    flow(Table.sources, LAST, [], SWITCH),
  ];
}

function neighbourFlows(): string[] {
  const askForTarget = `load:0->NXM_NX_REG4[0],${ask('NXM_NX_ND_TARGET', Table.owners6, Table.verdict)}`;
  return [
    flow(Table.neighbours, REFUSED, ['reg4=0/0x1'], DROP),
    flow(Table.neighbours, OWN, [...SOLICITATION, `nd_sll=${WITHOUT_OPTION}`], `goto_table:${Table.claims}`),
    flow(Table.neighbours, OWN, [...ADVERTISEMENT, `nd_tll=${WITHOUT_OPTION}`], `goto_table:${Table.claims}`),
    flow(Table.neighbours, OTHERWISE, SOLICITATION, DROP),
    flow(Table.neighbours, OTHERWISE, ADVERTISEMENT, DROP),
    flow(Table.neighbours, LAST, [], SWITCH),
    // A solicitation from an address only asks; from no address it claims its target (RFC 4862, 5.4.2).
    flow(Table.claims, OWN, [...SOLICITATION, 'ipv6_src=::'], askForTarget),
    flow(Table.claims, OWN, ADVERTISEMENT, askForTarget),
    flow(Table.claims, LAST, [], SWITCH),
  ];
}

/** The guard of one NIC. @param device kernel name of its tap. @param limit `meter:5,`, or nothing. */
export function guardFlows(nic: Nic, network: Network, device: string, limit: string): string[] {
  const port = `in_port=${device}`;
  const own6 = [...(nic.ipv6 === undefined ? [] : [nic.ipv6]), linkLocalOf(nic.mac)];
  return [
    flow(Table.admission, OWN, [port, `dl_src=${nic.mac}`], `${limit}goto_table:${Table.servers}`),
    flow(Table.admission, OTHERWISE, [port], DROP),
    flow(Table.sources, OWN, [port, 'arp', `arp_sha=${nic.mac}`], `goto_table:${Table.arp}`),
    flow(Table.neighbours, OWN, [port, ...SOLICITATION, `nd_sll=${nic.mac}`], `goto_table:${Table.claims}`),
    flow(Table.neighbours, OWN, [port, ...ADVERTISEMENT, `nd_tll=${nic.mac}`], `goto_table:${Table.claims}`),
    ...owned4(nic, network, port),
    ...own6.map(in6).flatMap((address) => owned(Table.owners6, port, address)),
  ];
}

/** A NIC that may say what it likes. */
export function openFlows(device: string, limit: string): string[] {
  return [flow(Table.admission, TRUSTED, [`in_port=${device}`], `${limit}${SWITCH}`)];
}

function owned4(nic: Nic, network: Network, port: string): string[] {
  if (nic.ipv4 !== undefined) return owned(Table.owners4, port, in4(nic.ipv4));
  // The LAN's DHCP server decides: any address that is nobody's here. With a subnet of ours, one of that subnet.
  const block = network.ipv4 ? blockIn4(network.ipv4.address, network.ipv4.prefixLength) : [];
  return [flow(Table.owners4, FREE, [port, ...block], GRANT)];
}

/** An address that is one port's own and nobody else's. */
function owned(owners: Owners, port: string, address: readonly string[]): string[] {
  return [flow(owners, OWN, [port, ...address], GRANT), flow(owners, CLAIMED, address, DROP)];
}
