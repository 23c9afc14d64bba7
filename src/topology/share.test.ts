import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSpec } from '../spec/parse.js';
import { networkIdentifiers } from './overlay.js';
import { NOTHING_REMEMBERED } from './remembered.js';
import { resolveTopology } from './resolve.js';
import type { Topology } from './topology.js';

function shareOfText(text: string, self: string, busySubnets: readonly string[] = []): Topology {
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const resolved = resolveTopology(parsed.spec, { busySubnets, remembered: NOTHING_REMEMBERED, self });
  if ('problems' in resolved) throw new Error(resolved.problems.map(({ message }) => message).join('\n'));
  return resolved.topology;
}

const SHOP = `
project: shop
hosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2, kvm3: 192.0.2.3 }
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, gateway-host: kvm2 }
  back: { mode: isolated, tunnel: geneve }
  lan: { mode: bridge, uplink: eth0 }
machines:
  web1: { nics: [{ network: web, forwards: ["9011:9090"] }, { network: lan }] }
  web2: { host: kvm2, nics: [{ network: web }, { network: lan }] }
  db1: { host: kvm3, nics: [{ network: back }] }
  db2: { host: kvm2, nics: [{ network: back }] }
`;

describe('the share of a host', () => {
  it('is its machines, and the networks that they or their gateways are on', () => {
    const [first, second, third] = ['kvm1', 'kvm2', 'kvm3'].map((host) => shareOfText(SHOP, host));
    const names = (topology?: Topology) => [
      topology?.machines.map(({ name }) => name),
      topology?.networks.map(({ name }) => name),
      topology?.forwards.map(({ id }) => id),
    ];
    expect(names(first)).toEqual([['web1'], ['lan', 'web'], []]);
    expect(names(second)).toEqual([['db2', 'web2'], ['back', 'lan', 'web'], ['tcp/0.0.0.0:9011']]);
    expect(names(third)).toEqual([['db1'], ['back'], []]);
  });

  it('joins a network of several hosts, and leaves a bridge network to the LAN', () => {
    const { networks, elsewhere } = shareOfText(SHOP, 'kvm1');
    const web = networks.find(({ name }) => name === 'web');
    expect(web?.overlay).toEqual({
      type: 'vxlan',
      identifier: networkIdentifiers('shop', ['web', 'back', 'lan']).get('web'),
      localAddress: '192.0.2.1',
      peers: [{ host: 'kvm2', address: '192.0.2.2' }],
    });
    expect(web?.gatewayElsewhere).toBe('kvm2');
    expect(networks.find(({ name }) => name === 'lan')).not.toHaveProperty('overlay');
    expect(elsewhere?.map(({ name }) => name)).toEqual(['db1', 'db2', 'web2']);
    const here = shareOfText(SHOP, 'kvm2').networks.find(({ name }) => name === 'web');
    expect(here).not.toHaveProperty('gatewayElsewhere');
  });

  it('needs no tunnel where one host has all of a network', () => {
    const [network] = shareOfText(
      'project: p\nhosts: { a: 192.0.2.1, b: 192.0.2.2 }\nnetworks: { n: { mode: isolated } }\nmachines: { m: { host: b, nics: [{ network: n }] } }\n',
      'b',
    ).networks;
    expect(network).not.toHaveProperty('overlay');
  });
});

const projects = fc.record({
  hostCount: fc.integer({ min: 1, max: 5 }),
  machines: fc.array(fc.record({ host: fc.nat(4), network: fc.nat(2) }), { maxLength: 12 }),
  gateway: fc.nat(4),
});

function fileOf({ hostCount, machines, gateway }: Parameters<Parameters<typeof projects.map>[0]>[0]): string {
  const host = (index: number) => `h${index % hostCount}`;
  return JSON.stringify({
    project: 'p',
    hosts: Object.fromEntries(
      Array.from({ length: hostCount }, (_, index) => [host(index), `192.0.2.${index + 1}`]),
    ),
    networks: Object.fromEntries(
      ['nat', 'isolated', 'routed'].map((mode, index) => [
        `n${index}`,
        { mode, ipv4: `10.70.${index}.0/24`, 'gateway-host': host(gateway) },
      ]),
    ),
    machines: Object.fromEntries(
      machines.map((machine, index) => [
        `m${index}`,
        { host: host(machine.host), nics: [{ network: `n${machine.network}` }] },
      ]),
    ),
  });
}

describe('shares', () => {
  it('have each machine once and each gateway once, and tunnels whose two ends fit', () => {
    fc.assert(
      fc.property(projects, (project) => {
        const hosts = Array.from({ length: project.hostCount }, (_, index) => `h${index}`);
        const shares = hosts.map((host) => shareOfText(fileOf(project), host));
        const machines = shares.flatMap((share) => share.machines.map(({ name }) => name));
        expect(machines.sort()).toEqual(project.machines.map((_, index) => `m${index}`).sort());
        for (const mode of ['nat', 'routed']) {
          const gateways = shares.flatMap(({ networks }) =>
            networks.filter((network) => network.mode === mode && network.gatewayElsewhere === undefined),
          );
          expect(gateways.length).toBe(1);
        }
        const ends = shares.flatMap(({ networks }) =>
          networks.flatMap(({ overlay }) =>
            (overlay?.peers ?? []).map(
              ({ address }) => `${overlay?.identifier} ${overlay?.localAddress} ${address}`,
            ),
          ),
        );
        for (const end of ends) {
          const [identifier, local, remote] = end.split(' ');
          expect(ends).toContain(`${identifier} ${remote} ${local}`);
        }
      }),
    );
  });

  it('agree on every address and MAC, whatever routes each host has', () => {
    fc.assert(
      fc.property(projects, (project) => {
        const known = (share: Topology) =>
          [...share.machines, ...(share.elsewhere ?? [])]
            .map(({ name, nics }) => [name, nics])
            .sort(([a], [b]) => String(a).localeCompare(String(b)));
        const first = known(shareOfText(fileOf(project), 'h0', ['10.64.0.0/10', 'fd00::/8']));
        expect(known(shareOfText(fileOf(project), `h${project.hostCount - 1}`))).toEqual(first);
      }),
    );
  });
});

describe('networkIdentifiers', () => {
  const nameLists = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), {
    minLength: 1,
    maxLength: 12,
  });

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
