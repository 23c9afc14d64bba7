import type { Overlay } from '../../../src/topology/topology.js';
import { topologyOf } from './topologies.js';
import { PROJECT } from './namespace-lab.js';

/** The way of a network to other hosts, from the host of the lab. */
function overlayTo(identifier: number, ...addresses: string[]): Overlay {
  const peers = addresses.map((address) => ({ host: `at-${address}`, address }));
  return { type: 'vxlan', identifier, localAddress: '192.0.2.2', peers };
}

/** Before and after, with something of every kind made, changed and removed between them. */
export const FIRST = topologyOf(
  PROJECT,
  [
    {
      name: 'web',
      mode: 'nat',
      net: '10.77.1',
      net6: 'fd00:77:1::',
      uplink: 'lan0',
      mtuBytes: 1450,
      overlay: overlayTo(7701, '192.0.2.7', '192.0.2.8'),
    },
    {
      name: 'back',
      mode: 'isolated',
      net: '10.77.3',
      dhcp: true,
      dns: true,
      mtuBytes: 1450,
      overlay: overlayTo(7703, '192.0.2.7'),
    },
    { name: 'far', mode: 'isolated', mtuBytes: 1450, overlay: overlayTo(7704, '192.0.2.7') },
  ],
  {
    web1: [
      {
        network: 'web',
        host: 11,
        options: { attach: 'netns', 'public-ipv4': '192.0.2.70', 'public-ipv6': '2001:db8:2::70' },
      },
      { network: 'back', host: 11 },
    ],
    vm1: [{ network: 'web', host: 12, options: {} }],
  },
  [{ listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 9090 }],
);

export const SECOND = topologyOf(
  PROJECT,
  [
    {
      name: 'web',
      mode: 'routed',
      net: '10.77.1',
      net6: 'fd00:77:1::',
      mtuBytes: 1450,
      overlay: overlayTo(7701, '192.0.2.8', '192.0.2.9'),
      options: { 'proxy-ndp': true },
    },
    // Of another identifier: its tunnel is made anew.
    { name: 'far', mode: 'isolated', mtuBytes: 1450, overlay: overlayTo(7705, '192.0.2.7', '192.0.2.8') },
    { name: 'srv', mode: 'nat', net: '10.77.2', upstream: ['203.0.113.9'], uplink: 'lan0' },
  ],
  {
    web1: [{ network: 'web', host: 21 }],
    vm2: [{ network: 'srv', host: 12, options: { 'public-ipv4': '192.0.2.70' } }],
  },
  [{ listen: '0.0.0.0', ports: [9012, 9013], to: 'web1', targetPort: 9090, fixed: true }],
);
