import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { propertiesOf } from './resources.js';
import { meshTunnels, networkIdentifiers, overlayMtuBytes } from './tunnels.js';

const NETWORK = { name: 'web', interfaceName: 'pslweb' };

function hostsOf(names: readonly string[]) {
  return names.map((name, index) => ({ name, address: `192.0.2.${index + 1}` }));
}

function tunnelsOf(names: readonly string[], self: string) {
  const hosts = hostsOf(names);
  return meshTunnels({ project: 'shop', network: NETWORK, type: 'vxlan', identifier: 7, hosts, self });
}

const nameLists = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { minLength: 1, maxLength: 12 });

describe('meshTunnels', () => {
  it('joins each pair of hosts by two ends that fit', () => {
    fc.assert(
      fc.property(nameLists, (names) => {
        const addressOf = new Map(hostsOf(names).map(({ name, address }) => [name, address]));
        const ends = names.flatMap((self) =>
          tunnelsOf(names, self).map((resource) => {
            const { localAddress, remoteAddress, key } = propertiesOf(resource, 'tunnel');
            expect(localAddress).toBe(addressOf.get(self));
            return `${localAddress} ${remoteAddress} ${key}`;
          }),
        );
        expect(ends.length).toBe(names.length * (names.length - 1));
        for (const end of ends) {
          const [local, remote, key] = end.split(' ');
          expect(ends).toContain(`${remote} ${local} ${key}`);
        }
      }),
    );
  });

  it('changes one tunnel when a host joins or leaves', () => {
    fc.assert(
      fc.property(nameLists, (names) => {
        const self = names[0]!;
        const hosts = hostsOf(names);
        const base = { project: 'shop', network: NETWORK, type: 'geneve' as const, identifier: 7, self };
        const before = meshTunnels({ ...base, hosts });
        const after = meshTunnels({ ...base, hosts: [...hosts, { name: 'NEW', address: '192.0.2.200' }] });
        expect(after.filter((resource) => !before.some(({ id }) => id === resource.id)).length).toBe(1);
        expect(after.slice(0, before.length)).toEqual(before);
      }),
    );
  });

  it('has no tunnels on a host that is not one of the mesh, and device names that a kernel takes', () => {
    expect(tunnelsOf(['a', 'b'], 'c')).toEqual([]);
    const devices = tunnelsOf(['a', 'b', 'c'], 'a').map(
      (resource) => propertiesOf(resource, 'tunnel').device,
    );
    expect(new Set(devices).size).toBe(2);
    for (const device of devices) expect(device.length).toBeLessThanOrEqual(15);
  });
});

describe('networkIdentifiers', () => {
  it('gives each network its own, whatever the order, within 24 bits', () => {
    fc.assert(
      fc.property(nameLists, (names) => {
        const identifiers = networkIdentifiers('shop', names);
        expect(new Set(identifiers.values()).size).toBe(names.length);
        for (const identifier of identifiers.values()) {
          expect(identifier).toBeGreaterThanOrEqual(1);
          expect(identifier).toBeLessThanOrEqual(0xff_ffff);
        }
        expect(networkIdentifiers('shop', [...names].reverse())).toEqual(identifiers);
      }),
    );
  });
});

describe('overlayMtuBytes', () => {
  it('leaves room for the outer headers', () => {
    expect(overlayMtuBytes(1500, hostsOf(['a', 'b']))).toBe(1450);
    expect(overlayMtuBytes(9000, [{ name: 'a', address: '2001:db8::1' }])).toBe(8930);
  });
});
