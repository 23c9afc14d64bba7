import { z } from 'zod';
import { ATTACHMENTS, BOND_MODES, DATAPATHS, FAIL_MODES, LACP_ROLES, PORT_KINDS } from '../vocabulary.js';
import {
  FILE_PATH_PATTERN,
  NAMESPACE_NAME_PATTERN,
  parseFilePath,
  parseNamespaceName,
  parseUserName,
  USER_NAME_PATTERN,
} from '../text/host-names.js';
import { formatAddress } from '../../wire/address.js';
import { MAX_VNI } from '../../wire/vxlan.js';
import type { Parsed } from '../problems/fault.js';
import { parseCollector } from '../text/collector.js';
import { NIC_NAME_PATTERN, parseNicName } from '../text/names.js';
import { parseRate } from '../text/quantities.js';
import { familyName } from '../address/families.js';
import { parseHostAddress, parsePublicAddress } from '../text/subnet-text.js';
import { choice, flag, key, list, mapping, text, whole } from './kinds.js';

/*
 * Keys that only some engines read. They reach the engine in `options`, under the name they have in the file. Each engine
 * declares for each of them whether it reads it, or why not: a new key here does not compile until every engine has
 * answered for it, so that none is ever silently ignored.
 */

const vlan = whole(1, 4094);
/** Canonical text of an address. */
const hostAddress = text('an IP address', (written): Parsed<string> => {
  const parsed = parseHostAddress(written);
  return 'value' in parsed ? { value: formatAddress(parsed.value) } : parsed;
});

/** The same of the outside. */
const publicAddress = (family?: 4 | 6) =>
  text(`an ${family === undefined ? 'IP' : familyName(family)} address`, (written): Parsed<string> => {
    const parsed = parsePublicAddress(written, family);
    return 'value' in parsed ? { value: formatAddress(parsed.value) } : parsed;
  });

const vxlanShape = {
  id: key(whole(1, MAX_VNI), {
    about: 'Network identifier (VNI), the same on all hosts. Required.',
    example: 42,
  }),
  peers: key(list(hostAddress, 'IP addresses'), {
    about: 'Addresses of the other hosts, of one family. Required.',
    example: ['192.0.2.2'],
  }),
  'local-address': key(hostAddress.optional(), {
    about: 'Address of this host that the tunnels use.',
    byDefault: 'any',
    example: '192.0.2.1',
  }),
  port: key(whole(1, 65_535).optional(), {
    about: 'UDP port, the same on all hosts.',
    byDefault: '4789 (RFC 7348)',
    example: 8472,
  }),
};

const bondShape = {
  mode: key(choice('bond-mode', BOND_MODES).optional(), {
    about:
      'How the NICs share the traffic: active-backup (one works, the others stand by), balance-slb (by MAC address and VLAN), balance-tcp (by connection, with LACP).',
    byDefault: 'active-backup',
    example: 'balance-tcp',
  }),
  lacp: key(choice('lacp', LACP_ROLES).optional(), {
    about:
      'Whether this host talks LACP with the switch at the other end (IEEE 802.1AX): active begins, passive answers, off is silent.',
    byDefault: 'active with balance-tcp, else off',
    example: 'active',
  }),
};

const ipsecShape = {
  'psk-file': key(text('the path of a file', parseFilePath, FILE_PATH_PATTERN), {
    about: 'File on each host with the key that all hosts share, one line, readable by root only. Required.',
    example: '/etc/passerelle/shop.psk',
  }),
};

const mirror = text('a NIC such as ids, or ids/1', parseNicName, NIC_NAME_PATTERN);
const collector = text('a collector such as 192.0.2.9:6343', parseCollector);
const rate = text('a rate such as 100mbit', parseRate, '^[1-9][0-9]{0,6}[kmg]bit$');

export const networkOptionShape = {
  vlan: key(vlan.optional(), {
    about: 'VLAN of the network on its uplink (IEEE 802.1Q).',
    byDefault: 'untagged',
    example: 42,
  }),
  bond: key(mapping(bondShape, '{ mode: balance-tcp, lacp: active }').optional(), {
    about: 'How the NICs of a list of uplinks work together as one (link aggregation).',
    byDefault: 'active-backup, where `uplink` is a list',
    example: { mode: 'balance-tcp', lacp: 'active' },
  }),
  stp: key(flag().optional(), {
    about: 'The segment speaks the spanning tree protocol, against loops through other bridges.',
    byDefault: 'false',
    example: true,
  }),
  rstp: key(flag().optional(), {
    about: 'The segment speaks the rapid spanning tree protocol (IEEE 802.1D-2004).',
    byDefault: 'false',
    example: true,
  }),
  'multicast-snooping': key(flag().optional(), {
    about: 'Multicast goes only to ports that asked for it (IGMP and MLD snooping).',
    byDefault: 'false',
    example: true,
  }),
  datapath: key(choice('datapath', DATAPATHS).optional(), {
    about:
      "Data plane of an Open vSwitch bridge: system (the kernel's), netdev (in user space), or auto, the kernel's where it has one.",
    byDefault: 'auto',
    example: 'netdev',
  }),
  'fail-mode': key(choice('fail-mode', FAIL_MODES).optional(), {
    about:
      'What an Open vSwitch bridge does while it has no flows: secure passes nothing, standalone switches unguarded.',
    byDefault: 'secure',
    example: 'standalone',
  }),
  controller: key(z.string({ error: 'an OpenFlow controller such as tcp:192.0.2.1:6653' }).optional(), {
    about: 'OpenFlow controller that has the say over an Open vSwitch bridge.',
    byDefault: 'none',
    example: 'tcp:192.0.2.1:6653',
  }),
  sflow: key(collector.optional(), {
    about: 'Collector that is sent sFlow records of what passes the network, ADDRESS:PORT.',
    byDefault: 'none',
    example: '192.0.2.9:6343',
  }),
  netflow: key(collector.optional(), {
    about: 'Collector that is sent NetFlow records (version 5) of what passes the network.',
    byDefault: 'none',
    example: '192.0.2.9:2055',
  }),
  ipfix: key(collector.optional(), {
    about: 'Collector that is sent IPFIX records (RFC 7011) of what passes the network.',
    byDefault: 'none',
    example: '192.0.2.9:4739',
  }),
  sampling: key(whole(1, 1_000_000).optional(), {
    about: 'One packet of so many is looked at for sFlow and IPFIX.',
    byDefault: '64',
    example: 1,
  }),
  ipsec: key(mapping(ipsecShape, '{ psk-file: /etc/passerelle/shop.psk }').optional(), {
    about: 'The tunnels of the network between hosts are encrypted (IPsec ESP, keys by IKEv2).',
    byDefault: 'not encrypted',
    example: { 'psk-file': '/etc/passerelle/shop.psk' },
  }),
  mirror: key(mirror.optional(), {
    about:
      'NIC of a machine that is sent a copy of everything the network carries, and nothing else (SPAN): its first, or MACHINE/INDEX.',
    byDefault: 'none',
    example: 'ids/1',
  }),
  plugs: key(
    list(z.string({ error: 'a vde_plug URL such as vxvde://239.1.2.3' }), 'vde_plug URLs').optional(),
    {
      about: 'Cables from a VDE network to other switches and hosts, each a vde_plug URL.',
      byDefault: 'none',
      example: ['vxvde://239.1.2.3'],
    },
  ),
  vxlan: key(mapping(vxlanShape, '{ id: 42, peers: [192.0.2.2] }').optional(), {
    about:
      'Joins the network with a VXLAN device of the kernel, an Open vSwitch or a fabric of other hosts (RFC 7348).',
    byDefault: 'none',
    example: { id: 42, peers: ['192.0.2.2'] },
  }),
  vde: key(flag().optional(), {
    about: 'VDE programs plug into a network of the user engine as if it were a vde_switch.',
    byDefault: 'false',
    example: true,
  }),
  probes: key(list(hostAddress, 'IP addresses').optional(), {
    about:
      'Addresses that must go on answering when a bridge network takes its uplink in, besides the gateways and your own SSH client; else it is reverted.',
    byDefault: 'none',
    example: ['192.0.2.53'],
  }),
  'uplink-gateway': key(list(hostAddress, 'IP addresses').optional(), {
    about:
      'Gateways by which a nat or routed network leaves its own `uplink`, one of each family; an empty list: only what the uplink is connected to is reached.',
    byDefault: "as the host's routes and its DHCP lease tell",
    example: ['192.0.2.1'],
  }),
  'ipv6-nat': key(flag().optional(), {
    about:
      "Whether a nat network's IPv6 is translated as its IPv4 is; false routes it, for a prefix that the LAN knows.",
    byDefault: 'true',
    example: false,
  }),
  'service-addresses': key(list(publicAddress(), 'IP addresses').optional(), {
    about:
      "Addresses of the outside that are no machine's and none of the host's: the host answers for them, and forwards to the network listen on them (`listen-address`).",
    byDefault: 'none',
    example: ['192.0.2.80'],
  }),
  'proxy-arp': key(flag().optional(), {
    about:
      'The host answers ARP on the LAN for the machines of a routed network, so that the LAN needs no route.',
    byDefault: 'false',
    example: true,
  }),
  'proxy-ndp': key(flag().optional(), {
    about:
      "The same for IPv6: the host answers neighbour discovery for the addresses of a routed network's machines, those of the file and those they form from their MACs.",
    byDefault: 'false',
    example: true,
  }),
};

export const nicOptionShape = {
  attach: key(choice('attachment', ATTACHMENTS).optional(), {
    about:
      'How the NIC meets the host: tap, netns or macvtap on an engine of the kernel, tap or netns on the user engine, as root.',
    byDefault: 'tap; on the user engine a socket of QEMU',
    example: 'macvtap',
  }),
  port: key(choice('port', PORT_KINDS).optional(), {
    about:
      'How QEMU is plugged into the user engine: stream (a socket) or vhost-user (shared memory, with offloads; wants koffi).',
    byDefault: 'stream',
    example: 'vhost-user',
  }),
  vlan: key(vlan.optional(), {
    about: 'VLAN of the NIC on its segment (access port, IEEE 802.1Q).',
    byDefault: 'untagged',
    example: 42,
  }),
  trunk: key(list(vlan, 'VLANs from 1 to 4094').optional(), {
    about: 'VLANs that the machine sends and gets tagged (trunk port, IEEE 802.1Q).',
    byDefault: 'none',
    example: [10, 20],
  }),
  qinq: key(flag().optional(), {
    about: "The machine's own VLANs travel inside `vlan` (IEEE 802.1ad).",
    byDefault: 'false',
    example: true,
  }),
  isolated: key(flag().optional(), {
    about: 'The NIC cannot reach other isolated NICs of its network, only the rest (protected port).',
    byDefault: 'false',
    example: true,
  }),
  mirror: key(mirror.optional(), {
    about:
      'NIC of another machine on the network that is sent a copy of what this one carries, both ways (SPAN).',
    byDefault: 'none',
    example: 'ids/1',
  }),
  owner: key(text('a user name such as kim', parseUserName, USER_NAME_PATTERN).optional(), {
    about: 'User of the host who may open the tap, so that QEMU needs no root.',
    byDefault: 'root only',
    example: 'kim',
  }),
  queues: key(whole(1, 64).optional(), {
    about: 'Pairs of queues of the tap, for as many processors of the machine.',
    byDefault: '1',
    example: 4,
  }),
  netns: key(text('the name of a network namespace', parseNamespaceName, NAMESPACE_NAME_PATTERN).optional(), {
    about: 'Named network namespace (ip-netns) that a NIC with attach: netns goes into.',
    byDefault: 'one of its own, named after the machine',
    example: 'blue',
  }),
  'rate-limit': key(rate.optional(), {
    about: 'Most that the machine may send through the NIC.',
    byDefault: 'unlimited',
    example: '100mbit',
  }),
  'rate-limit-in': key(rate.optional(), {
    about: 'Most that the machine is sent through the NIC.',
    byDefault: 'unlimited',
    example: '100mbit',
  }),
  'public-ipv4': key(publicAddress(4).optional(), {
    about:
      'IPv4 address that the outside knows a NIC of a nat network by, one to one: all that comes to it goes to the NIC, and what the NIC sends outside comes from it (floating or elastic address).',
    byDefault: "none: the NIC is behind the host's address, and reached by forwards",
    example: '192.0.2.70',
  }),
  'public-ipv6': key(publicAddress(6).optional(), {
    about: 'The same for IPv6.',
    byDefault: 'none',
    example: '2001:db8::70',
  }),
};

/** Names of the keys above. */
export type NetworkOption = keyof typeof networkOptionShape;
export type NicOption = keyof typeof nicOptionShape;

/** The options among the keys of a network or NIC, as the file says them. */
export function optionsOf(
  shape: object,
  keys: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(shape).flatMap((name) => (keys[name] === undefined ? [] : [[name, keys[name]] as const])),
  );
}

export type WrittenVxlan = z.output<typeof networkOptionShape.vxlan>;
