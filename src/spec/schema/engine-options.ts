import { z } from 'zod';
import { ATTACHMENTS, DATAPATHS, FAIL_MODES } from '../vocabulary.js';
import {
  NAMESPACE_NAME_PATTERN,
  parseNamespaceName,
  parseUserName,
  USER_NAME_PATTERN,
} from '../text/host-names.js';
import { formatAddress } from '../../wire/address.js';
import type { Parsed } from '../problems/fault.js';
import { parseHostAddress } from '../text/subnet-text.js';
import { parseRate } from '../text/quantities.js';
import { choice, flag, key, list, text, whole } from './kinds.js';

/*
 * Keys that only some engines read. They reach the engine in `options`, under the name they have in the file. Each engine
 * declares for each of them whether it reads it, or why not: a new key here does not compile until every engine has
 * answered for it, so that none is ever silently ignored.
 */

const vlan = whole(1, 4094);
const rate = text('a rate such as 100mbit', parseRate, '^[1-9][0-9]{0,6}[kmg]bit$');

/** Kept as text, as the whole of `options` is. */
function parseProbe(written: string): Parsed<string> {
  const parsed = parseHostAddress(written);
  return 'value' in parsed ? { value: formatAddress(parsed.value) } : parsed;
}

export const networkOptionShape = {
  vlan: key(vlan.optional(), {
    about: 'VLAN of the network on its uplink (IEEE 802.1Q).',
    byDefault: 'untagged',
    example: 42,
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
  plugs: key(
    list(z.string({ error: 'a vde_plug URL such as vxvde://239.1.2.3' }), 'vde_plug URLs').optional(),
    {
      about: 'Cables from a VDE network to other switches and hosts, each a vde_plug URL.',
      byDefault: 'none',
      example: ['vxvde://239.1.2.3'],
    },
  ),
  probes: key(list(text('an IP address', parseProbe), 'IP addresses').optional(), {
    about:
      'Addresses that must go on answering when a bridge network takes its uplink in, besides the gateways and your own SSH client; else it is reverted.',
    byDefault: 'none',
    example: ['192.0.2.53'],
  }),
  'ipv6-nat': key(flag().optional(), {
    about:
      "Whether a nat network's IPv6 is translated as its IPv4 is; false routes it, for a prefix that the LAN knows.",
    byDefault: 'true',
    example: false,
  }),
  'proxy-arp': key(flag().optional(), {
    about:
      'The host answers ARP on the LAN for the machines of a routed network, so that the LAN needs no route.',
    byDefault: 'false',
    example: true,
  }),
};

export const nicOptionShape = {
  attach: key(choice('attachment', ATTACHMENTS).optional(), {
    about: 'How the NIC meets the host on an engine of the kernel: tap, netns or macvtap.',
    byDefault: 'tap',
    example: 'macvtap',
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
