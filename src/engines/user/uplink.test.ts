import { describe, expect, it } from 'vitest';
import { sampleNetwork } from '../../../test/sample-topology.js';
import type { Link } from '../../clients/iproute/links.js';
import type { Network } from '../../topology/topology.js';
import { type UplinkFacts, uplinkProblems } from './uplink.js';

const at = { file: 'f.yaml', line: 4, column: 5 };
const lan = sampleNetwork({ name: 'lan', mode: 'bridge', engine: 'user', uplink: 'eth1', source: at });

function link(ifname: string, more: Partial<Link> = {}): Link {
  const flags = ['BROADCAST', 'MULTICAST', 'UP'];
  return {
    ifindex: 1,
    ifname,
    flags,
    mtu: 1500,
    operstate: 'UP',
    group: 'default',
    altnames: [],
    info: {},
    ...more,
  };
}

const address = {
  ifname: 'eth0',
  family: 4,
  address: '192.0.2.2',
  prefixLength: 24,
  scope: 'global',
  flags: {},
} as const;
const facts: UplinkFacts = {
  hasKoffi: true,
  mayMakeDevices: true,
  links: [
    link('eth0'),
    link('eth1'),
    link('br0', { kind: 'bridge' }),
    link('eth2', { master: 'br0', portKind: 'bridge' }),
    link('eth3', { flags: ['BROADCAST'] }),
    link('wg0', { flags: ['POINTOPOINT', 'NOARP', 'UP'] }),
    link('jumbo', { mtu: 9000 }),
  ],
  addresses: [
    address,
    { ...address, ifname: 'eth1', family: 6, address: 'fe80::1', scope: 'link' },
    { ...address, ifname: 'br0' },
  ],
  routes: [{ family: 4, destination: 'default', device: 'br0' }],
};

const told = (more: Partial<Network>, other: Partial<UplinkFacts> = {}): string[] =>
  uplinkProblems([{ ...lan, ...more }], { ...facts, ...other }).map(({ code, fix }) => `${code} ${fix}`);

describe('the uplink of a bridge network', () => {
  it('is a NIC that is nobody’s, or a bridge with the host in it', () => {
    expect(told({})).toEqual([]);
    expect(told({ uplink: 'br0' })).toEqual([]);
    expect(told({ uplink: 'default' })).toEqual([]);
    expect(told({ mode: 'nat', uplink: 'eth0' })).toEqual([]);
  });

  it.each([
    ['eth0', /^user\/uplink-not-free write `engine: linux`/],
    ['eth2', /^user\/uplink-not-free write `uplink: br0`$/],
    ['eth3', /^user\/uplink-not-free ip link set eth3 up$/],
    ['wg0', /^user\/uplink-not-free name a NIC/],
    ['jumbo', /^user\/uplink-mtu write `mtu: 9000`$/],
    ['eth9', /^user\/no-such-uplink write `uplink:` with one of: eth0, eth1, br0/],
  ])('is not %s', (uplink, expected) => {
    const problems = told({ uplink });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('needs root and koffi, said before anything else', () => {
    expect(told({ uplink: 'eth9' }, { mayMakeDevices: false })).toEqual([
      'user/bridge-needs-root run it as root, or write `mode: nat` with forwards, which needs no privilege',
    ]);
    expect(told({}, { hasKoffi: false })[0]).toMatch(/^user\/koffi-missing npm install koffi/);
  });

  it('is asked for where no route says which', () => {
    expect(told({ uplink: 'default' }, { routes: [] })[0]).toMatch(/^user\/no-such-uplink/);
  });
});
