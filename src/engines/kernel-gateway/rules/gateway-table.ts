/**
 * The table of the kernel gateway (family inet). Goal: whatever the number of networks and forwards, a packet meets the
 * same few rules, each a lookup. Ours never accepts for others: a verdict of ours is about devices of ours, and every
 * other packet runs through with the policy `accept`.
 *
 * A packet from outside to a forward: `forwards_in` finds the listen address and port in a map and rewrites the
 * destination (RFC 3022), `passage` lets it into the network because it was rewritten, and its source stays. Only a
 * machine that reaches itself or a neighbour of its own segment through the host, and the host by 127.0.0.1, gets the
 * gateway's address as source: without that the answer would not come back through us. And so does every client of a
 * forward that says `source: gateway`. A public address is a forward of everything, and what its NIC sends to the outside
 * has it as source instead of the host's.
 */
import { SHARES } from './forwards.js';
import type { TableDefinition } from './ruleset.js';
import { tableName } from './ruleset.js';

/**
 * Bit of a connection's label that says: masqueraded towards the machine, as its forward wants it. Labels have 128 bits
 * (connlabel.conf(5)); the first packet is given it where the listen address can still be seen.
 */
const SHOWN_AS_GATEWAY = 113;

const SHOW_AS_GATEWAY = `ct label set ${SHOWN_AS_GATEWAY}`;

/** A forward that leads back to where its client is: told by the devices, seen by conntrack before `sources` asks. */
const HAIRPIN = `ct status dnat ct direction original iifname . oifname @same_segment ${SHOW_AS_GATEWAY}`;

/**
 * Only what is for this host is forwarded, and a machine of a closed network is not served by the host. A public address
 * is none of the host's own, so that whoever asks for a forward never looks for one.
 */
const FORWARDS = {
  'to-others': 'fib daddr type != local goto public_addresses',
  'closed-networks-have-no-forwards': 'iifname @closed return',
  family: 'meta nfproto vmap { ipv4 : goto forwards4, ipv6 : goto forwards6 }',
};

/** By lot, for each connection anew (`forwards.ts`). */
const SHARE = `numgen random mod ${SHARES}`;

/** `typeof` and not `type`: a number drawn has no type of its own. */
function sharedMap(listen: string, family: 'ip' | 'ip6'): string {
  return `typeof ${listen}meta l4proto . tcp dport . ${SHARE} : ${family} daddr . tcp dport ;`;
}

/** A listen address comes before all addresses of the host, a port before ranges. */
function forwardRules(family: 4 | 6): Readonly<Record<string, string>> {
  const ip = family === 4 ? 'ip' : 'ip6';
  const any = 'meta l4proto . th dport';
  const one = `${ip} daddr . ${any}`;
  return {
    'as-gateway': `${one} @as_gateway${family} ${SHOW_AS_GATEWAY}`,
    'as-gateway-any': `${any} @as_gateway${family}_any ${SHOW_AS_GATEWAY}`,
    one: `dnat ${ip} to ${one} map @forward${family}`,
    'one-any': `dnat ${ip} to ${any} map @forward${family}_any`,
    range: `dnat ${ip} to ${one} map @forward${family}_range`,
    'range-any': `dnat ${ip} to ${any} map @forward${family}_any_range`,
    shared: `dnat ${ip} to ${one} . ${SHARE} map @shared${family}`,
    'shared-any': `dnat ${ip} to ${any} . ${SHARE} map @shared${family}_any`,
  };
}

/** The networks of the project are not outside. */
const BOUND_UPLINK = 'oifname != @segments iifname . oifname != @bound_uplinks counter drop';

/** What is announced is what fits through, whichever of the two sides is the narrow one (RFC 4821 section 7.6.2). */
const MSS = 'tcp flags syn tcp option maxseg size set rt mtu';

/** What leaves by no connection has no translation. Between the project's own networks nothing is translated. */
const UNTRANSLATED = 'ct state invalid,untracked oifname != @segments';

/** A bridged packet that br_netfilter shows us is no affair of a gateway. Asked where else it would be refused. */
const WITHIN_SEGMENT = 'iifname . oifname @same_segment accept';

/** The two ways of a public address: to its NIC, and from it to the outside (RFC 3022 section 2.1, basic NAT). */
const TO_NIC = {
  4: { rules: { 'one-to-one': 'dnat ip to ip daddr map @nic_of4' } },
  6: { rules: { 'one-to-one': 'dnat ip6 to ip6 daddr map @nic_of6' } },
};

export function gatewayTable(project: string, provider: string): TableDefinition {
  return {
    ...tableName('inet', project, provider),
    sets: {
      // Devices of the networks that have a gateway.
      segments: 'type ifname ;',
      // Devices of networks that reach nothing but themselves.
      closed: 'type ifname ;',
      // From a segment to itself: bridged packets that br_netfilter shows us, and what a forward leads back.
      same_segment: 'type ifname . ifname ;',
      subnets4: 'type ifname . ipv4_addr ; flags interval ;',
      subnets6: 'type ifname . ipv6_addr ; flags interval ;',
      masquerade4: 'type ipv4_addr ; flags interval ;',
      masquerade6: 'type ipv6_addr ; flags interval ;',
      // Devices by which segments of their own uplink may leave.
      bound_uplinks: 'type ifname . ifname ;',
      from_segment: 'type ifname : verdict ;',
      into_segment: 'type ifname : verdict ;',
      forward4: 'type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service ;',
      forward4_any: 'type inet_proto . inet_service : ipv4_addr . inet_service ;',
      forward4_range: 'type ipv4_addr . inet_proto . inet_service : ipv4_addr ; flags interval ;',
      forward4_any_range: 'type inet_proto . inet_service : ipv4_addr ; flags interval ;',
      forward6: 'type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service ;',
      forward6_any: 'type inet_proto . inet_service : ipv6_addr . inet_service ;',
      forward6_range: 'type ipv6_addr . inet_proto . inet_service : ipv6_addr ; flags interval ;',
      forward6_any_range: 'type inet_proto . inet_service : ipv6_addr ; flags interval ;',
      shared4: sharedMap('ip daddr . ', 'ip'),
      shared4_any: sharedMap('', 'ip'),
      shared6: sharedMap('ip6 daddr . ', 'ip6'),
      shared6_any: sharedMap('', 'ip6'),
      // Public addresses: what is done for them, and both ways of those that are a NIC's.
      public4: 'type ipv4_addr : verdict ;',
      public6: 'type ipv6_addr : verdict ;',
      nic_of4: 'type ipv4_addr : ipv4_addr ;',
      nic_of6: 'type ipv6_addr : ipv6_addr ;',
      public_of4: 'type ipv4_addr : ipv4_addr ;',
      public_of6: 'type ipv6_addr : ipv6_addr ;',
      // Listen addresses and ports whose clients the machine sees as the gateway.
      as_gateway4: 'type ipv4_addr . inet_proto . inet_service ; flags interval ;',
      as_gateway4_any: 'type inet_proto . inet_service ; flags interval ;',
      as_gateway6: 'type ipv6_addr . inet_proto . inet_service ; flags interval ;',
      as_gateway6_any: 'type inet_proto . inet_service ; flags interval ;',
    },
    chains: {
      // A machine must not reach what listens on the host's loopback, which route_localnet would allow.
      loopback_guard: {
        hook: 'type filter hook prerouting priority -300',
        rules: { 'loopback-is-the-hosts': 'ip daddr 127.0.0.0/8 iifname @segments counter drop' },
      },
      forwards_in: {
        hook: 'type nat hook prerouting priority -100',
        rules: FORWARDS,
      },
      forwards_own: {
        hook: 'type nat hook output priority -100',
        rules: FORWARDS,
      },
      forwards4: { rules: forwardRules(4) },
      forwards6: { rules: forwardRules(6) },
      public_addresses: { rules: { ipv4: 'ip daddr vmap @public4', ipv6: 'ip6 daddr vmap @public6' } },
      to_nic4: TO_NIC[4],
      to_nic6: TO_NIC[6],
      sources: {
        hook: 'type nat hook postrouting priority 100',
        rules: {
          'into-segment': 'oifname @segments goto sources_into',
          'multicast-ipv4': 'ip daddr { 224.0.0.0/4, 255.255.255.255 } return',
          'public-ipv4': 'snat ip to ip saddr map @public_of4',
          'public-ipv6': 'ip6 daddr != ff00::/8 snat ip6 to ip6 saddr map @public_of6',
          'masquerade-ipv4': 'ip saddr @masquerade4 masquerade',
          'masquerade-ipv6': 'ip6 saddr @masquerade6 ip6 daddr != ff00::/8 masquerade',
        },
      },
      sources_into: {
        rules: {
          'as-gateway': `ct label ${SHOWN_AS_GATEWAY} masquerade`,
          'from-loopback': 'ip saddr 127.0.0.0/8 masquerade',
        },
      },
      passage: {
        hook: 'type filter hook forward priority 0',
        rules: {
          'from-segment': 'iifname vmap @from_segment',
          'into-segment': 'oifname vmap @into_segment',
        },
      },
      // Of a translated network only what is its own leaves, and only translated: what conntrack makes nothing of, as an
      // RST of a connection long gone, would show the outside an address of the inside.
      from_nat: {
        rules: {
          mss: MSS,
          hairpin: HAIRPIN,
          'own-source-ipv4': 'meta nfproto ipv4 iifname . ip saddr != @subnets4 goto foreign_source',
          'own-source-ipv6': 'meta nfproto ipv6 iifname . ip6 saddr != @subnets6 goto foreign_source',
          'translated-ipv4': `${UNTRANSLATED} ip saddr @masquerade4 counter drop`,
          'translated-ipv6': `${UNTRANSLATED} ip6 saddr @masquerade6 counter drop`,
        },
      },
      from_nat_bound: {
        rules: { 'bound-uplink': BOUND_UPLINK, rest: 'goto from_nat' },
      },
      from_routed: { rules: { mss: MSS, hairpin: HAIRPIN } },
      from_routed_bound: {
        rules: { 'bound-uplink': BOUND_UPLINK, rest: 'goto from_routed' },
      },
      foreign_source: {
        rules: { 'within-segment': WITHIN_SEGMENT, 'own-source': 'counter drop' },
      },
      into_nat: {
        rules: {
          mss: MSS,
          answers: 'ct state established,related accept',
          forwards: 'ct status dnat accept',
          'within-segment': WITHIN_SEGMENT,
          'nobody-else': 'counter reject with icmpx admin-prohibited',
        },
      },
      // Translated for IPv4, routed for IPv6.
      into_nat4: {
        rules: {
          'mss-ipv6': `meta nfproto ipv6 ${MSS}`,
          'ipv6-is-routed': 'meta nfproto ipv6 accept',
          rest: 'goto into_nat',
        },
      },
      into_routed: { rules: { mss: MSS } },
      shut: { rules: { 'within-segment': WITHIN_SEGMENT, 'reaches-nothing': 'counter drop' } },
    },
  };
}
