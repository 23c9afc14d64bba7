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

/** Tables, in the order a frame meets them. */
const ADMISSION = 0;
const SERVERS = 1;
const SOURCES = 2;
const ARP = 3;
const NEIGHBOURS = 4;
const CLAIMS = 5;
const VERDICT = 6;
const OWNERS4 = 7;
const OWNERS6 = 8;

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
function ask(field: string, owners: typeof OWNERS4 | typeof OWNERS6, next: number): string {
  const register = owners === OWNERS4 ? 'NXM_NX_REG0' : 'NXM_NX_XXREG0';
  return `move:${field}[]->${register}[],resubmit(,${owners}),goto_table:${next}`;
}

/** Flows that serve all guarded NICs of a network. @param isHostIn the host takes part in it. */
export function networkFlows(
  { ipv4, ipv6, gatewayMac }: Pick<Network, 'ipv4' | 'ipv6' | 'gatewayMac'>,
  isHostIn: boolean,
): string[] {
  return [
    // Where the host is in, its end of the bridge is the gateway or the LAN.
    flow(ADMISSION, TRUSTED, ['in_port=LOCAL'], isHostIn ? SWITCH : DROP),
    flow(ADMISSION, LAST, [], SWITCH),
    ...serverFlows(),
    ...sourceFlows(),
    ...neighbourFlows(),
    flow(VERDICT, OWN, [GRANTED], SWITCH),
    flow(VERDICT, LAST, [], DROP),
    ...(ipv4 ? [flow(OWNERS4, CLAIMED, in4(ipv4.gateway), DROP)] : []),
    ...(ipv6
      ? [ipv6.gateway, linkLocalOf(gatewayMac)].map((address) => flow(OWNERS6, CLAIMED, in6(address), DROP))
      : []),
    flow(OWNERS6, FREE, blockIn6('fe80::', 10), GRANT),
    // Without a prefix of ours the LAN decides which addresses its machines have.
    flow(OWNERS6, FREE, ipv6 ? blockIn6(ipv6.address, ipv6.prefixLength) : [], GRANT),
  ];
}

function serverFlows(): string[] {
  const refuse = (...match: string[]) => flow(SERVERS, REFUSED, match, DROP);
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
    flow(SERVERS, LAST, [], `goto_table:${SOURCES}`),
  ];
}

function sourceFlows(): string[] {
  return [
    // ARP that speaks of its own MAC goes to table ARP by a flow of its NIC.
    flow(SOURCES, OTHERWISE, ['arp'], DROP),
    // A probe (RFC 5227, 2.1.1) asks from 0.0.0.0; an answer from no address is no answer.
    flow(ARP, OWN, ['arp', 'arp_spa=0.0.0.0', 'arp_op=1'], SWITCH),
    flow(ARP, OTHERWISE, ['arp'], ask('NXM_OF_ARP_SPA', OWNERS4, VERDICT)),
    // Before it has an address a host sends DHCP (RFC 2131, 4.1) and IGMP (RFC 3376, 4.2.13) from 0.0.0.0.
    flow(SOURCES, OWN, ['udp', 'nw_src=0.0.0.0', 'tp_dst=67'], SWITCH),
    flow(SOURCES, OWN, ['nw_proto=2', 'ip', 'nw_src=0.0.0.0'], SWITCH),
    flow(SOURCES, OTHERWISE, ['ip'], ask('NXM_OF_IP_SRC', OWNERS4, VERDICT)),
    // Duplicate address detection and MLD speak from no address; what they claim is looked at further on.
    flow(SOURCES, OWN, ['icmp6', 'ipv6_src=::'], `${GRANT},goto_table:${NEIGHBOURS}`),
    flow(SOURCES, OTHERWISE, ['ipv6'], ask('NXM_NX_IPV6_SRC', OWNERS6, NEIGHBOURS)),
    flow(SOURCES, LAST, [], SWITCH),
  ];
}

function neighbourFlows(): string[] {
  const askForTarget = `load:0->NXM_NX_REG4[0],${ask('NXM_NX_ND_TARGET', OWNERS6, VERDICT)}`;
  return [
    flow(NEIGHBOURS, REFUSED, ['reg4=0/0x1'], DROP),
    flow(NEIGHBOURS, OWN, [...SOLICITATION, `nd_sll=${WITHOUT_OPTION}`], `goto_table:${CLAIMS}`),
    flow(NEIGHBOURS, OWN, [...ADVERTISEMENT, `nd_tll=${WITHOUT_OPTION}`], `goto_table:${CLAIMS}`),
    flow(NEIGHBOURS, OTHERWISE, SOLICITATION, DROP),
    flow(NEIGHBOURS, OTHERWISE, ADVERTISEMENT, DROP),
    flow(NEIGHBOURS, LAST, [], SWITCH),
    // A solicitation from an address only asks; from no address it claims its target (RFC 4862, 5.4.2).
    flow(CLAIMS, OWN, [...SOLICITATION, 'ipv6_src=::'], askForTarget),
    flow(CLAIMS, OWN, ADVERTISEMENT, askForTarget),
    flow(CLAIMS, LAST, [], SWITCH),
  ];
}

/** The guard of one NIC. @param device kernel name of its tap. @param limit `meter:5,`, or nothing. */
export function guardFlows(nic: Nic, network: Network, device: string, limit: string): string[] {
  const port = `in_port=${device}`;
  const own6 = [...(nic.ipv6 === undefined ? [] : [nic.ipv6]), linkLocalOf(nic.mac)];
  return [
    flow(ADMISSION, OWN, [port, `dl_src=${nic.mac}`], `${limit}goto_table:${SERVERS}`),
    flow(ADMISSION, OTHERWISE, [port], DROP),
    flow(SOURCES, OWN, [port, 'arp', `arp_sha=${nic.mac}`], `goto_table:${ARP}`),
    flow(NEIGHBOURS, OWN, [port, ...SOLICITATION, `nd_sll=${nic.mac}`], `goto_table:${CLAIMS}`),
    flow(NEIGHBOURS, OWN, [port, ...ADVERTISEMENT, `nd_tll=${nic.mac}`], `goto_table:${CLAIMS}`),
    ...owned4(nic, network, port),
    ...own6.map(in6).flatMap((address) => owned(OWNERS6, port, address)),
  ];
}

/** A NIC that may say what it likes. */
export function openFlows(device: string, limit: string): string[] {
  return [flow(ADMISSION, TRUSTED, [`in_port=${device}`], `${limit}${SWITCH}`)];
}

function owned4(nic: Nic, network: Network, port: string): string[] {
  if (nic.ipv4 !== undefined) return owned(OWNERS4, port, in4(nic.ipv4));
  // The LAN's DHCP server decides: any address that is nobody's here. With a subnet of ours, one of that subnet.
  const block = network.ipv4 ? blockIn4(network.ipv4.address, network.ipv4.prefixLength) : [];
  return [flow(OWNERS4, FREE, [port, ...block], GRANT)];
}

/** An address that is one port's own and nobody else's. */
function owned(owners: typeof OWNERS4 | typeof OWNERS6, port: string, address: readonly string[]): string[] {
  return [flow(owners, OWN, [port, ...address], GRANT), flow(owners, CLAIMED, address, DROP)];
}
