import { z } from 'zod';
import { LABEL_PATTERN, parseDomain, parseInterfaceName, parseLabel } from '../text/names.js';
import { parseLeaseTime } from '../text/quantities.js';
import { parseAddressRange, parseHostAddress, parseSubnet } from '../text/subnet-text.js';
import { ENGINE_NAMES, MODES, TUNNEL_TYPES } from '../vocabulary.js';
import { networkOptionShape } from './engine-options.js';
import { portgroups } from './portgroup.js';
import { choice, either, flag, key, list, mapping, text, whole } from './kinds.js';

/** Below 576 no IPv4 host needs to work (RFC 1122, section 3.3.3); 65520 is the largest a tap and QEMU both carry. */
const MTU_RANGE = [576, 65_520] as const;

const mtu = either(`a whole number from ${MTU_RANGE[0]} to ${MTU_RANGE[1]}, or largest`, [
  whole(...MTU_RANGE),
  z.literal('largest', { error: 'largest' }),
]);

const automatic = z.literal('auto', { error: 'auto' });
const none = z.literal(false, { error: 'false' });
const ipv4Subnet = text('a subnet such as 10.10.10.0/24', (written) => parseSubnet(written, 4));
const ipv4Address = text('an IPv4 address', (written) => parseHostAddress(written, 4));

const ipv4Shape = {
  subnet: key(ipv4Subnet, { about: 'Subnet of the network. Required.', example: '10.10.10.0/24' }),
  gateway: key(ipv4Address.optional(), {
    about: "Address of the network's gateway.",
    byDefault: 'the first of the subnet',
    example: '10.10.10.254',
  }),
};

const dhcpShape = {
  range: key(text('a range such as 10.10.10.100-10.10.10.199', parseAddressRange).optional(), {
    about: 'First and last address for clients that the file does not name.',
    byDefault: 'every address beside the gateway',
    example: '10.10.10.100-10.10.10.199',
  }),
  lease: key(text('a time such as 1h', parseLeaseTime, '^[0-9]{1,9}[smhd]$').optional(), {
    about: 'How long a lease holds.',
    byDefault: '1h',
    example: '12h',
  }),
};

const dnsShape = {
  domain: key(text('a domain such as shop.internal', parseDomain).optional(), {
    about: 'Machines are called MACHINE.DOMAIN.',
    byDefault: 'PROJECT.internal',
    example: 'shop.internal',
  }),
  upstream: key(
    list(
      text('an IP address', (written) => parseHostAddress(written)),
      'IP addresses',
    ).optional(),
    {
      about: 'Resolvers asked for every other name.',
      byDefault: "the host's own resolvers",
      example: ['9.9.9.9'],
    },
  ),
};

export const engineName = choice('engine', ENGINE_NAMES);

const nicOfHost = text('a network interface such as eth0, or default', parseInterfaceName);

const networkShape = {
  mode: key(choice('mode', MODES), {
    about:
      'What the network reaches: bridge (the LAN itself, through an uplink), isolated (only its own machines), nat (outwards, behind the host), routed (both ways, no translation). Required.',
    example: 'nat',
  }),
  engine: key(engineName.optional(), {
    about: 'Who moves the frames of this network.',
    byDefault: 'the engine of the file',
    example: 'linux',
  }),
  ipv4: key(
    either('a subnet such as 10.10.10.0/24, auto, false, or a mapping with subnet and gateway', [
      automatic,
      none,
      ipv4Subnet,
      mapping(ipv4Shape, '{ subnet: 10.10.10.0/24 }'),
    ]).optional(),
    {
      about: "IPv4 subnet; auto picks a free one around the host's own routes, false turns IPv4 off.",
      byDefault: 'auto on nat and routed networks and with dhcp, else false',
      example: '10.10.10.0/24',
    },
  ),
  ipv6: key(
    either('a subnet such as fd00:10:10::/64, auto, or false', [
      automatic,
      none,
      text('a subnet such as fd00:10:10::/64', (written) => parseSubnet(written, 6)),
    ]).optional(),
    {
      about: 'IPv6 subnet, a /64; auto derives a unique local one (RFC 4193), false turns IPv6 off.',
      byDefault: 'auto on nat and routed networks, else false',
      example: 'auto',
    },
  ),
  dhcp: key(
    either('true, false, or a mapping with range and lease', [
      flag(),
      mapping(dhcpShape, '{ lease: 1h }'),
    ]).optional(),
    {
      about: 'Whether machines are given their addresses by DHCP, and how.',
      byDefault: 'true on nat and routed networks with IPv4, else false',
      example: { range: '10.10.10.100-10.10.10.199', lease: '1h' },
    },
  ),
  dns: key(
    either('true, false, or a mapping with domain and upstream', [
      flag(),
      mapping(dnsShape, '{ domain: shop.internal }'),
    ]).optional(),
    {
      about: 'Whether names resolve, and how; an isolated network knows the names of its own machines only.',
      byDefault: 'true on nat and routed networks and with dhcp, else false',
      example: { domain: 'shop.internal' },
    },
  ),
  mtu: key(mtu.optional(), {
    about: 'Largest IP packet of the network, in bytes; largest is 65520 where every NIC carries that.',
    byDefault: '1500; with `hosts` or `vxlan` what is left of it in a tunnel: 1450 over IPv4, 1430 over IPv6',
    example: 9000,
  }),
  'host-loopback': key(flag().optional(), {
    about: "The gateway's address leads to the host's own 127.0.0.1, on the user engine; for development.",
    byDefault: 'false',
    example: true,
  }),
  uplink: key(
    either('a network interface such as eth0, default, or a list such as [eth1, eth2]', [
      nicOfHost,
      list(nicOfHost, 'network interfaces'),
    ]).optional(),
    {
      about:
        'NIC of the host that a bridge network takes in, or several as one (bond), or that nat and routed leave by; default is the one with the default route. The user engine takes a bridge of the host, or a NIC without addresses.',
      byDefault: 'default on bridge networks',
      example: 'eth0',
    },
  ),
  'gateway-host': key(text('the name of a host', parseLabel, LABEL_PATTERN).optional(), {
    about: 'The host where gateway, DHCP, names and forwards of the network live, one of `hosts`.',
    byDefault: 'the first of `hosts`',
    example: 'kvm2',
  }),
  tunnel: key(choice('tunnel', TUNNEL_TYPES).optional(), {
    about: 'How the network goes on at other hosts: vxlan (RFC 7348) or geneve (RFC 8926).',
    byDefault: 'vxlan',
    example: 'geneve',
  }),
  portgroups,
  ...networkOptionShape,
};

export const network = mapping(networkShape, '{ mode: nat }');
export type WrittenNetwork = z.output<typeof network>;
