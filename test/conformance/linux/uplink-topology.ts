import { topologyOf } from './topologies.js';
import { PROJECT } from './namespace-lab.js';

export const LAN = topologyOf(
  PROJECT,
  [
    { name: 'lan', mode: 'bridge', uplink: 'default' },
    { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::' },
  ],
  { web1: [{ network: 'lan' }], nat1: [{ network: 'web', host: 11 }] },
);
