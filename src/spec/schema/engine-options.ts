import { z } from 'zod';
import { ATTACHMENTS } from '../vocabulary.js';
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
 * Keys that only some engines read. They reach the engine in `options`, under the name they have in the file; an engine
 * that cannot do what one asks says so in its `check`. A new key of an engine is one entry here, and nothing else.
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
};

/** The options among the keys of a network or NIC, as the file says them. */
export function optionsOf(
  shape: object,
  keys: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(shape).flatMap((name) => (keys[name] === undefined ? [] : [[name, keys[name]] as const])),
  );
}
