import { describe, expect, it } from 'vitest';
import { topologyOf } from '../../../test/conformance/vde/topologies.js';
import { checkVde } from './check.js';

const places = { runDir: '/run/user/1000/passerelle/lab', stateDir: '/state' };
const codes = (network: Parameters<typeof topologyOf>[0][number], at = places): string[] =>
  checkVde(at, topologyOf([network], { a: [{ network: network.name }] })).map(({ code }) => code);

describe('what VDE cannot do', () => {
  it('is nothing of an ordinary network', () => {
    expect(
      codes({ name: 'back', options: { vlan: 5, stp: true, plugs: ['vxvde://', 'cmd://ssh b vde_plug'] } }),
    ).toEqual([]);
  });

  it.each([
    ['vde/mtu-too-large', { name: 'back', mtuBytes: 9000 }],
    ['vde/bad-plug', { name: 'back', options: { plugs: ['/run/ctl'] } }],
    ['vde/duplicate-plug', { name: 'back', options: { plugs: ['vxvde://', 'vxvde://'] } }],
    ['vde/plug-opens-isolated', { name: 'back', options: { plugs: ['tap://tap0'] } }],
  ])('%s', (code, network) => {
    expect(codes(network)).toEqual([code]);
  });

  it('lets a network with a way out meet the host', () => {
    expect(codes({ name: 'web', mode: 'nat', net: '10.1.2', options: { plugs: ['tap://tap0'] } })).toEqual(
      [],
    );
  });

  it('tells sockets that would have too long a path', () => {
    const deep = { ...places, runDir: `/${'d'.repeat(80)}` };
    expect(codes({ name: 'back' }, deep)).toEqual(['vde/socket-path-too-long']);
    expect(codes({ name: 'back' }, { ...places, runDir: `/${'d'.repeat(68)}` })).toEqual([]);
  });

  it('tells more machines than a switch has ports', () => {
    const machines = Object.fromEntries(
      Array.from({ length: 801 }, (_, index) => [`m${index}`, [{ network: 'back' }]]),
    );
    const [problem] = checkVde(places, topologyOf([{ name: 'back' }], machines));
    expect(problem).toMatchObject({ code: 'vde/too-many-ports', at: { line: 1 } });
  });
});
