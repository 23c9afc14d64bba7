import { describe, expect, it } from 'vitest';
import type { FabricNetwork } from '../../fabric/control/protocol.js';
import { parseSpec } from '../../spec/parse.js';
import { networkIdentifiers } from '../../topology/overlay.js';
import { NOTHING_REMEMBERED } from '../../topology/remembered.js';
import { resolveTopology } from '../../topology/resolve.js';
import type { Topology } from '../../topology/topology.js';
import { desireFabric } from './resources.js';
import { underlayProblems } from '../underlay.js';
import { checkOverlays } from './vxlan.js';

const shop = (web = '') => `project: shop
hosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2, kvm3: 192.0.2.3 }
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, gateway-host: kvm2${web} }
machines:
  web1: { nics: [{ network: web, ipv4: 10.10.10.11 }] }
  web2: { host: kvm2, nics: [{ network: web, ipv4: 10.10.10.12 }] }
  web3: { host: kvm3, nics: [{ network: web, ipv4: 10.10.10.13 }] }
`;

function shareOf(self: string, text = shop()): Topology {
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const resolved = resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED, self });
  if ('problems' in resolved) throw new Error(JSON.stringify(resolved.problems));
  return resolved.topology;
}

function networkAt(self: string): FabricNetwork {
  const resources = desireFabric(shareOf(self), '1', (nic) => `/run/${nic.id}`);
  return resources.find(({ kind }) => kind === 'network')?.properties as unknown as FabricNetwork;
}

describe('a network of many hosts, as the fabric of each is told', () => {
  it('has a tunnel to each of the others, of one identifier', () => {
    const id = networkIdentifiers('shop', ['web']).get('web');
    expect(networkAt('kvm1').vxlan).toEqual({
      id,
      port: 4789,
      localAddress: '192.0.2.1',
      peers: ['192.0.2.2', '192.0.2.3'],
    });
    expect(networkAt('kvm3').vxlan).toMatchObject({ id, localAddress: '192.0.2.3' });
  });

  it('has its gateway, which knows every machine, on one of them', () => {
    const [first, second] = [networkAt('kvm1'), networkAt('kvm2')];
    expect(first).toMatchObject({ gatewayElsewhere: true, ipv4: { gateway: '10.10.10.1' } });
    for (const key of ['dhcp', 'dns', 'stations']) expect(first).not.toHaveProperty(key);
    expect(second).not.toHaveProperty('gatewayElsewhere');
    expect(second.dhcp).toBeDefined();
    expect(second.stations?.map(({ machine, ipv4 }) => `${machine} ${ipv4}`)).toEqual([
      'web1 10.10.10.11',
      'web3 10.10.10.13',
    ]);
  });

  it('refuses tunnels that the fabric does not speak, and two kinds of them', () => {
    const codes = (web: string) => checkOverlays(shareOf('kvm1', shop(web))).map(({ code }) => code);
    expect(codes('')).toEqual([]);
    expect(codes(', tunnel: geneve')).toEqual(['user/no-such-tunnel']);
    expect(codes(', vxlan: { id: 5, peers: [192.0.2.9] }')).toEqual(['user/vxlan-and-hosts']);
  });

  it('leaves from an address of the host', () => {
    const { networks } = shareOf('kvm1');
    expect(underlayProblems('user/underlay-not-here', networks, new Set(['127.0.0.1', '192.0.2.1']))).toEqual(
      [],
    );
    expect(underlayProblems('user/underlay-not-here', networks, new Set(['127.0.0.1']))).toMatchObject([
      { code: 'user/underlay-not-here', at: { line: 4 } },
    ]);
  });
});
