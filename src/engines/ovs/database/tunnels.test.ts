import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleNetwork } from '../../../../test/sample-topology.js';
import type { Network } from '../../../topology/topology.js';
import { propertiesOf } from '../resources.js';
import { desireTunnels } from './tunnels.js';

function networkWith(hosts: readonly string[]): Network {
  return sampleNetwork({
    mode: 'isolated',
    engine: 'ovs',
    overlay: {
      type: 'geneve',
      identifier: 7,
      localAddress: '192.0.2.1',
      peers: hosts.map((host, index) => ({ host, address: `192.0.2.${index + 2}` })),
    },
  });
}

const nameLists = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { minLength: 1, maxLength: 12 });

describe('desireTunnels', () => {
  it('changes one tunnel when a host joins or leaves', () => {
    fc.assert(
      fc.property(nameLists, (names) => {
        const before = desireTunnels('shop', networkWith(names));
        const after = desireTunnels('shop', networkWith([...names, 'NEW']));
        expect(before.length).toBe(names.length);
        expect(after.slice(0, before.length)).toEqual(before);
        expect(after.length).toBe(before.length + 1);
      }),
    );
  });

  it('has no tunnels for a network of one host, and device names that a kernel takes', () => {
    const { overlay: _none, ...alone } = networkWith([]);
    expect(desireTunnels('shop', alone)).toEqual([]);
    const devices = desireTunnels('shop', networkWith(['a', 'b', 'c'])).map(
      (resource) => propertiesOf(resource, 'tunnel').device,
    );
    expect(new Set(devices).size).toBe(3);
    for (const device of devices) expect(device.length).toBeLessThanOrEqual(15);
  });
});
