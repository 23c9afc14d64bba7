import type { z } from 'zod';
import { parseMac } from '../address/mac.js';
import { parseForward } from '../text/forward-text.js';
import { LABEL_PATTERN, parseDeviceModel, parseLabel } from '../text/names.js';
import { parseHostAddress } from '../text/subnet-text.js';
import { nicOptionShape } from './engine-options.js';
import { antiSpoofing } from './portgroup.js';
import { key, list, mapping, text } from './kinds.js';

const nicShape = {
  network: key(text('the name of a network', parseLabel, LABEL_PATTERN), {
    about: 'The network that the NIC is plugged into. Required.',
    example: 'web',
  }),
  ipv4: key(text('an IPv4 address', (written) => parseHostAddress(written, 4)).optional(), {
    about: 'IPv4 address of the NIC.',
    byDefault: 'derived from the name of the machine, and kept',
    example: '10.10.10.11',
  }),
  ipv6: key(text('an IPv6 address', (written) => parseHostAddress(written, 6)).optional(), {
    about: 'IPv6 address of the NIC.',
    byDefault: 'formed from the MAC address (EUI-64)',
    example: 'fd00:10:10::11',
  }),
  mac: key(text('a MAC address', parseMac, '^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$').optional(), {
    about: 'MAC address of the NIC.',
    byDefault: '52:54:00 and a hash of project, machine and place of the NIC',
    example: '52:54:00:aa:bb:01',
  }),
  model: key(text('a QEMU network device', parseDeviceModel).optional(), {
    about: 'QEMU device model of the NIC.',
    byDefault: 'virtio-net-pci',
    example: 'e1000',
  }),
  forwards: key(list(text('a forward such as "9011:9090"', parseForward), 'forwards').optional(), {
    about:
      'Ports of the host that lead to this NIC: [ADDRESS:]LISTEN:TARGET[/PROTOCOL], each port a number or a range FIRST-LAST.',
    byDefault: 'none',
    example: ['9011:9090', '127.0.0.1:8080:80/tcp'],
  }),
  'anti-spoofing': antiSpoofing,
  portgroup: key(text('the name of a portgroup', parseLabel, LABEL_PATTERN).optional(), {
    about:
      "Settings of the NIC that it takes over from its network's `portgroups`; its own keys are over them.",
    byDefault: 'none',
    example: 'desks',
  }),
  ...nicOptionShape,
};

export const nic = mapping(nicShape, '{ network: web }');
export type WrittenNic = z.output<typeof nic>;
