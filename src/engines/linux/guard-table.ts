/**
 * Anti-spoofing at the port (family bridge, before any other rule). From a guarded port passes: ARP, IPv4 and IPv6 from
 * the NIC's own MAC and its own addresses; what a machine needs before it has them (ARP probes of RFC 5227, DHCP
 * requests, duplicate address detection of RFC 4862); link-local IPv6, except the gateway's. Never: another MAC, another
 * protocol, an answer of a DHCP server, a router advertisement or redirect (RFC 6105), an ND claim on an address that is
 * not its own. Before that, what is over a NIC's rate limit is dropped, guarded or not. Every drop has a counter, named after what it refused.
 */
import { type TableDefinition, tableName } from '../kernel-gateway/rules/ruleset.js';

const OWN_MAC = 'iifname . ether saddr != @hardware counter drop';

export function guardTable(project: string, provider: string): TableDefinition {
  return {
    ...tableName('bridge', project, provider),
    sets: {
      guarded: 'type ifname ;',
      hardware: 'type ifname . ether_addr ;',
      // MAC and address together: nearly every frame of a machine is let out by this one lookup.
      senders4: 'type ifname . ether_addr . ipv4_addr ;',
      senders6: 'type ifname . ether_addr . ipv6_addr ;',
      // Ports whose addresses the LAN decides, not the file.
      free4: 'type ifname ;',
      free6: 'type ifname ;',
      // Link-local addresses of gateways, as source and as the target of ND.
      reserved6: 'type ifname . ipv6_addr ;',
      target6: 'typeof iifname . @th,64,128 ;',
      reserved_target6: 'typeof iifname . @th,64,128 ;',
      rates: 'type ifname : limit ;',
    },
    chains: {
      prerouting: {
        hook: 'type filter hook prerouting priority -300',
        rules: {
          'over-rate': 'limit name iifname map @rates counter drop',
          guarded: 'iifname @guarded goto port',
        },
      },
      port: {
        rules: {
          protocols: 'ether type vmap { arp : goto port_arp, ip : goto port_ip4, ip6 : goto port_ip6 }',
          'own-mac': OWN_MAC,
          'other-protocol': 'counter drop',
        },
      },
      port_arp: {
        rules: {
          'own-mac': OWN_MAC,
          'arp-own-mac': 'iifname . arp saddr ether != @hardware counter drop',
          'arp-probe': 'arp saddr ip 0.0.0.0 accept',
          'arp-free': 'iifname @free4 accept',
          'arp-own-address': 'iifname . arp saddr ether . arp saddr ip != @senders4 counter drop',
        },
      },
      port_ip4: {
        rules: {
          'dhcp-server': 'udp sport 67 udp dport 68 counter drop',
          'ip4-sender': 'iifname . ether saddr . ip saddr @senders4 accept',
          'own-mac': OWN_MAC,
          'dhcp-request': 'ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept',
          'ip4-free': 'iifname @free4 accept',
          'ip4-own-address': 'counter drop',
        },
      },
      port_ip6: {
        rules: {
          'router-advert': 'icmpv6 type { nd-router-advert, nd-redirect } counter drop',
          'dhcpv6-server': 'udp sport 547 udp dport 546 counter drop',
          'nd-claim': 'icmpv6 type nd-neighbor-advert jump port_claim',
          'ip6-sender': 'iifname . ether saddr . ip6 saddr @senders6 accept',
          'own-mac': OWN_MAC,
          'nd-probe': 'ip6 saddr :: icmpv6 type nd-neighbor-solicit goto port_claim',
          unspecified: 'ip6 saddr :: accept',
          'gateway-link-local': 'iifname . ip6 saddr @reserved6 counter drop',
          'link-local': 'ip6 saddr fe80::/10 accept',
          'ip6-free': 'iifname @free6 accept',
          'ip6-own-address': 'counter drop',
        },
      },
      // The ND target is 8 bytes into the message (RFC 4861 sections 4.3 and 4.4).
      port_claim: {
        rules: {
          'claims-gateway': 'iifname . @th,64,128 @reserved_target6 counter drop',
          'claims-link-local': '@th,64,10 0x3fa return',
          'claim-free': 'iifname @free6 return',
          'claims-other': 'iifname . @th,64,128 != @target6 counter drop',
        },
      },
    },
  };
}
