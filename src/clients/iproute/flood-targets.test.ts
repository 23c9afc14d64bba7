import { expect, it } from 'vitest';
import { parseFloodTargets } from './flood-targets.js';

it('reads where each device floods to, with what else an entry says, and passes all other entries over', () => {
  const listing = [
    { mac: '00:00:00:00:00:00', ifname: 'pslx1', dst: '192.0.2.3', flags: ['self'], state: 'permanent' },
    { mac: '00:00:00:00:00:00', ifname: 'pslx1', dst: '192.0.2.2', flags: ['self'], state: 'permanent' },
    { mac: '00:00:00:00:00:00', ifname: 'pslx2', dst: '2001:db8::2', port: 4790, vni: 9, state: 'permanent' },
    { mac: '52:54:00:00:00:01', ifname: 'pslx2', dst: '2001:db8::3', state: 'permanent' },
    { mac: '33:33:00:00:00:01', ifname: 'eth0', flags: ['self'], state: 'permanent' },
  ];
  expect([...parseFloodTargets(listing)]).toEqual([
    ['pslx1', ['192.0.2.2', '192.0.2.3']],
    ['pslx2', ['2001:db8::2 port 4790 vni 9']],
  ]);
});
