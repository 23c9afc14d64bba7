import type { z } from 'zod';
import { LABEL_PATTERN, parseLabel } from '../text/names.js';
import { forward } from './forward.js';
import { host } from './host.js';
import { key, list, mapping, named, text } from './kinds.js';
import { machine } from './machine.js';
import { engineName, network } from './network.js';

const fileShape = {
  project: key(text('a name', parseLabel, LABEL_PATTERN), {
    about: 'Name of the project: what one file declares, and the unit of `up` and `down`. Required.',
    example: 'shop',
  }),
  engine: key(engineName.optional(), {
    about:
      'Who moves the frames: user (embedded, rootless), linux (kernel bridge, nftables), vde (VDE 2), ovs (Open vSwitch), ovn (OVN, many hosts).',
    byDefault: 'user',
    example: 'linux',
  }),
  hosts: key(named(host, 'hosts').optional(), {
    about:
      'The hosts that carry the project together, by name, each with its address; each runs `up` on the same file for its own share.',
    byDefault: 'the host that runs the command',
    example: { kvm1: '192.0.2.1', kvm2: '192.0.2.2' },
  }),
  networks: key(named(network, 'networks').optional(), {
    about: 'The networks, by name.',
    byDefault: 'none',
    example: { web: { mode: 'nat' } },
  }),
  machines: key(named(machine, 'machines').optional(), {
    about: 'The machines, by name.',
    byDefault: 'none',
    example: { web1: { nics: [{ network: 'web' }] } },
  }),
  forwards: key(list(forward, 'forwards').optional(), {
    about: 'Ports of the host that lead to machines, in the long form.',
    byDefault: 'none',
    example: [{ 'listen-port': 9011, target: 'web1', 'target-port': 9090 }],
  }),
};

/** The whole file. */
export const file = mapping(fileShape, 'project: shop');
export type WrittenFile = z.output<typeof file>;
