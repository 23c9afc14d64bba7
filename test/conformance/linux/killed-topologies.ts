import { topologyOf } from './topologies.js';
import { PROJECT } from './namespace-lab.js';

/** Before and after, with something of every kind made, changed and removed between them. */
export const FIRST = topologyOf(
  PROJECT,
  [
    { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::', uplink: 'lan0' },
    { name: 'back', mode: 'isolated', net: '10.77.3', dhcp: true, dns: true },
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
    { name: 'web', mode: 'routed', net: '10.77.1', net6: 'fd00:77:1::', options: { 'proxy-ndp': true } },
    { name: 'srv', mode: 'nat', net: '10.77.2', upstream: ['203.0.113.9'], uplink: 'lan0' },
  ],
  {
    web1: [{ network: 'web', host: 21 }],
    vm2: [{ network: 'srv', host: 12, options: { 'public-ipv4': '192.0.2.70' } }],
  },
  [{ listen: '0.0.0.0', ports: [9012, 9013], to: 'web1', targetPort: 9090, fixed: true }],
);
