/**
 * The table of the kernel gateway (family inet). Goal: whatever the number of networks and forwards, a packet meets the
 * same few rules, each a lookup. Ours never accepts for others: a verdict of ours is about devices of ours, and every
 * other packet runs through with the policy `accept`.
 *
 * A packet from outside to a forward: `forwards_in` finds the listen address and port in a map and rewrites the
 * destination (RFC 3022), `passage` lets it into the network because it was rewritten, and its source stays. Only a
 * machine that reaches itself or a neighbour of its own segment through the host, and the host by 127.0.0.1, gets the
 * gateway's address as source: without that the answer would not come back through us. And so does every client of a
 * forward that says `source: gateway`.
 */
import { SHARES } from './forwards.js';
import type { TableDefinition } from './ruleset.js';
import { tableName } from './ruleset.js';

/**
 * Bit of a connection's label that says: masqueraded towards the machine, as its forward wants it. Labels have 128 bits
 * (connlabel.conf(5)); the first packet is given it where the listen address can still be seen.
 */
const SHOWN_AS_GATEWAY = 113;

const FORWARD_LABELS = {
  'as-gateway-ipv4': `ip daddr . meta l4proto . th dport @as_gateway4 ct label set ${SHOWN_AS_GATEWAY}`,
  'as-gateway-ipv4-any': `meta nfproto ipv4 meta l4proto . th dport @as_gateway4_any ct label set ${SHOWN_AS_GATEWAY}`,
  'as-gateway-ipv6': `ip6 daddr . meta l4proto . th dport @as_gateway6 ct label set ${SHOWN_AS_GATEWAY}`,
  'as-gateway-ipv6-any': `meta nfproto ipv6 meta l4proto . th dport @as_gateway6_any ct label set ${SHOWN_AS_GATEWAY}`,
};

const FORWARD_LOOKUPS = {
  'forward-ipv4': 'dnat ip to ip daddr . meta l4proto . th dport map @forward4',
  'forward-ipv4-any': 'dnat ip to meta l4proto . th dport map @forward4_any',
  'forward-ipv4-range': 'dnat ip to ip daddr . meta l4proto . th dport map @forward4_range',
  'forward-ipv4-any-range': 'dnat ip to meta l4proto . th dport map @forward4_any_range',
  'forward-ipv6': 'dnat ip6 to ip6 daddr . meta l4proto . th dport map @forward6',
  'forward-ipv6-any': 'dnat ip6 to meta l4proto . th dport map @forward6_any',
  'forward-ipv6-range': 'dnat ip6 to ip6 daddr . meta l4proto . th dport map @forward6_range',
  'forward-ipv6-any-range': 'dnat ip6 to meta l4proto . th dport map @forward6_any_range',
};

/** By lot, for each connection anew (`forwards.ts`). */
const SHARE = `numgen random mod ${SHARES}`;

const SHARED_LOOKUPS = {
  'shared-ipv4': `dnat ip to ip daddr . meta l4proto . th dport . ${SHARE} map @shared4`,
  'shared-ipv4-any': `dnat ip to meta l4proto . th dport . ${SHARE} map @shared4_any`,
  'shared-ipv6': `dnat ip6 to ip6 daddr . meta l4proto . th dport . ${SHARE} map @shared6`,
  'shared-ipv6-any': `dnat ip6 to meta l4proto . th dport . ${SHARE} map @shared6_any`,
};

/** `typeof` and not `type`: a number drawn has no type of its own. */
function sharedMap(listen: string, family: 'ip' | 'ip6'): string {
  return `typeof ${listen}meta l4proto . tcp dport . ${SHARE} : ${family} daddr . tcp dport ;`;
}

/** The networks of the project are not outside. */
const BOUND_UPLINK = 'iifname @bound oifname != @segments iifname . oifname != @bound_uplinks counter drop';

export function gatewayTable(project: string, provider: string): TableDefinition {
  return {
    ...tableName('inet', project, provider),
    sets: {
      // Devices of the networks that have a gateway.
      segments: 'type ifname ;',
      // Devices of networks that reach nothing but themselves.
      closed: 'type ifname ;',
      // Bridged packets that br_netfilter shows us: from a segment to itself.
      same_segment: 'type ifname . ifname ;',
      subnets4: 'type ifname . ipv4_addr ; flags interval ;',
      subnets6: 'type ifname . ipv6_addr ; flags interval ;',
      masquerade4: 'type ipv4_addr ; flags interval ;',
      masquerade6: 'type ipv6_addr ; flags interval ;',
      // Segments that may leave by some devices only, and those devices.
      bound: 'type ifname ;',
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
        rules: { 'loopback-is-the-hosts': 'iifname @segments ip daddr 127.0.0.0/8 counter drop' },
      },
      forwards: {
        rules: {
          'not-to-this-host': 'fib daddr type != local return',
          'closed-networks-have-no-forwards': 'iifname @closed return',
          ...FORWARD_LABELS,
          ...FORWARD_LOOKUPS,
          ...SHARED_LOOKUPS,
        },
      },
      forwards_in: {
        hook: 'type nat hook prerouting priority -100',
        rules: { forwards: 'jump forwards' },
      },
      forwards_own: {
        hook: 'type nat hook output priority -100',
        rules: { forwards: 'jump forwards' },
      },
      sources: {
        hook: 'type nat hook postrouting priority 100',
        rules: {
          'hairpin-ipv4': 'ct status dnat oifname . ip saddr @subnets4 masquerade',
          'hairpin-ipv6': 'ct status dnat oifname . ip6 saddr @subnets6 masquerade',
          'as-gateway': `oifname @segments ct label ${SHOWN_AS_GATEWAY} masquerade`,
          'from-loopback': 'oifname @segments ip saddr 127.0.0.0/8 masquerade',
          'between-segments': 'oifname @segments return',
          'multicast-ipv4': 'ip daddr { 224.0.0.0/4, 255.255.255.255 } return',
          'masquerade-ipv4': 'ip saddr @masquerade4 masquerade',
          'masquerade-ipv6': 'ip6 saddr @masquerade6 ip6 daddr != ff00::/8 masquerade',
        },
      },
      passage: {
        hook: 'type filter hook forward priority 0',
        rules: {
          'within-segment': 'iifname . oifname @same_segment accept',
          'mss-into': 'oifname @segments tcp flags syn tcp option maxseg size set rt mtu',
          'mss-from': 'iifname @segments tcp flags syn tcp option maxseg size set rt mtu',
          'from-segment': 'iifname vmap @from_segment',
          'into-segment': 'oifname vmap @into_segment',
        },
      },
      // Of a translated network only its own addresses leave, else they would leave untranslated.
      from_nat: {
        rules: {
          'own-source-ipv4': 'meta nfproto ipv4 iifname . ip saddr != @subnets4 counter drop',
          'own-source-ipv6': 'meta nfproto ipv6 iifname . ip6 saddr != @subnets6 counter drop',
          'bound-uplink': BOUND_UPLINK,
        },
      },
      from_routed: {
        rules: { 'bound-uplink': BOUND_UPLINK },
      },
      into_nat: {
        rules: {
          answers: 'ct state established,related accept',
          forwards: 'ct status dnat accept',
          'nobody-else': 'counter reject with icmpx admin-prohibited',
        },
      },
      // Translated for IPv4, routed for IPv6.
      into_nat4: {
        rules: { 'ipv6-is-routed': 'meta nfproto ipv6 accept', rest: 'goto into_nat' },
      },
      into_routed: { rules: {} },
      shut: { rules: { 'reaches-nothing': 'counter drop' } },
    },
  };
}
