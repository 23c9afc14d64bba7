/** What the rules of ours that end packets mean, by their names: for a person who sees a packet end there. */

export const REASONS: Readonly<Record<string, string>> = {
  // The guard of a port (linux/guard-table.ts).
  'over-rate': 'the NIC sends more than its rate-limit allows',
  'own-mac': "it is not from the NIC's own MAC",
  'other-protocol': 'it is neither ARP nor IPv4 nor IPv6',
  'arp-own-mac': "it claims an address for a MAC that is not the NIC's own",
  'arp-own-address': "it claims an IPv4 address that is not the NIC's own",
  'dhcp-server': 'a machine must not answer as a DHCP server',
  'ip4-own-address': "its IPv4 source is not the NIC's own address",
  'router-advert': 'a machine must not advertise itself as a router, nor redirect',
  'dhcpv6-server': 'a machine must not answer as a DHCPv6 server',
  'gateway-link-local': 'it is from the link-local address of the gateway',
  'ip6-own-address': "its IPv6 source is not one of the NIC's own addresses",
  'claims-gateway': 'it claims the link-local address of the gateway',
  'claims-other': "it claims an IPv6 address that is not the NIC's own",
  // The gateway (rules/gateway-table.ts).
  'loopback-is-the-hosts': "the host's loopback is closed to machines",
  'bound-uplink': 'its network leaves by its uplink only',
  'own-source': "its source is not of its network's subnet",
  'translated-ipv4': 'it belongs to no connection, so it would leave untranslated',
  'translated-ipv6': 'it belongs to no connection, so it would leave untranslated',
  'nobody-else': 'from outside a nat network is reached by forwards and public addresses only',
  'reaches-nothing': 'its network is isolated',
  // The tunnels to other hosts (linux/overlay/peer-table.ts).
  'not-a-peer': 'it came for a tunnel of ours from a host that the network is not on',
  // An isolated network's device (linux/closed.ts).
  closed: 'its network is isolated, from the host too',
};
