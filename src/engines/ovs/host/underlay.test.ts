import { describe, expect, it } from 'vitest';
import { sampleNetwork } from '../../../../test/sample-topology.js';
import type { InterfaceAddress } from '../../../clients/iproute/links.js';
import type { Row } from '../../../clients/ovsdb/datum.js';
import type { Network } from '../../../topology/topology.js';
import { tunnelObstacles, uplinksOf } from './underlay.js';

const network = sampleNetwork({
  mode: 'isolated',
  engine: 'ovs',
  overlay: { type: 'vxlan', identifier: 7, localAddress: '192.0.2.1', peers: [] },
});

function addressOn(ifname: string): InterfaceAddress {
  return { ifname, family: 4, address: '192.0.2.1', prefixLength: 24, scope: 'global', flags: {} };
}

function bridge(name: string, type: string): Row {
  return new Map([
    ['name', name],
    ['datapath_type', type],
  ]);
}

describe('the way out of tunnels', () => {
  const told = (
    addresses: readonly InterfaceAddress[],
    bridges: readonly Row[],
    uplinks: readonly string[],
    datapath: 'netdev' | 'system' = 'netdev',
  ) => tunnelObstacles([network], addresses, bridges, new Set(uplinks), { datapath }).map(({ code }) => code);

  it('begins at an address of this host', () => {
    expect(told([], [], [])).toEqual(['ovs/underlay-not-here']);
    expect(told([addressOn('eth0')], [], [], 'system')).toEqual([]);
  });

  it('leads through a bridge of the userspace datapath, one that is there or comes', () => {
    expect(told([addressOn('eth0')], [], [])).toEqual(['ovs/underlay-not-switched']);
    expect(told([addressOn('br0')], [bridge('br0', 'netdev')], [])).toEqual([]);
    expect(told([addressOn('br0')], [bridge('br0', 'system')], [])).toEqual(['ovs/underlay-not-switched']);
    expect(told([addressOn('eth0')], [], ['eth0'])).toEqual([]);
  });

  it('may come with a bridge network', () => {
    const lan: Network = { ...network, mode: 'bridge', uplink: 'eth1' };
    expect([...uplinksOf([network, lan], 'eth0')]).toEqual(['eth1']);
    expect([...uplinksOf([{ ...lan, uplink: 'default' }], 'eth0')]).toEqual(['eth0']);
    expect([...uplinksOf([{ ...lan, uplink: 'default' }], undefined)]).toEqual([]);
  });
});
