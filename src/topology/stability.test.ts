import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../wire/address.js';
import { cidrContains, cidrsOverlap, parseCidr } from '../wire/cidr.js';
import { parseSpec } from '../spec/parse.js';
import { NOTHING_REMEMBERED, rememberedChoices, type RememberedChoices } from './remembered.js';
import { resolveTopology } from './resolve.js';
import type { Subnet, Topology } from './topology.js';

/** A file in the making: networks and machines by name. */
interface File {
  readonly networks: Readonly<Record<string, object>>;
  readonly machines: Readonly<Record<string, { nics: object[] }>>;
}

function resolve(file: File, busySubnets: readonly string[], remembered: RememberedChoices): Topology {
  const parsed = parseSpec(JSON.stringify({ project: 'p', ...file }), 'f.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const resolved = resolveTopology(parsed.spec, { busySubnets, remembered });
  if ('problems' in resolved) throw new Error(JSON.stringify(resolved.problems));
  return resolved.topology;
}

const NETWORKS = ['a', 'b', 'c', 'd', 'e'];

const files: fc.Arbitrary<File> = fc
  .record({
    networks: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...NETWORKS),
        mode: fc.constantFrom('nat', 'routed', 'isolated'),
        isFixed: fc.boolean(),
        dhcp: fc.boolean(),
      }),
      { selector: ({ name }) => name, minLength: 1 },
    ),
    machines: fc.uniqueArray(
      fc.record({
        name: fc.stringMatching(/^m[0-9]{1,3}$/),
        nics: fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 3 }),
      }),
      { selector: ({ name }) => name, maxLength: 20 },
    ),
  })
  .map(({ networks, machines }) => ({
    networks: Object.fromEntries(
      networks.map(({ name, mode, isFixed, dhcp }) => {
        const slot = NETWORKS.indexOf(name);
        const fixed = isFixed
          ? { ipv4: `10.70.${slot}.0/24`, ipv6: `fd00:0:0:${slot}::/64` }
          : { ipv4: 'auto', ipv6: 'auto' };
        return [name, { mode, dhcp, ...fixed }];
      }),
    ),
    machines: Object.fromEntries(
      machines.map(({ name, nics }, order) => [
        name,
        {
          nics: nics.map(([pick, isFixed], index) => {
            const network = networks[pick % networks.length]!;
            const host = 2 + ((order * 3 + index) % 250);
            const fixed =
              isFixed && network.isFixed ? { ipv4: `10.70.${NETWORKS.indexOf(network.name)}.${host}` } : {};
            return { network: network.name, ...fixed };
          }),
        },
      ]),
    ),
  }));

const busy = fc.array(
  fc.constantFrom(
    '10.64.0.0/11',
    '10.96.0.0/12',
    '172.16.0.0/12',
    '10.0.0.0/8',
    '10.80.3.0/24',
    '192.168.1.7/24',
    '0.0.0.0/0',
    'fd00::/8',
    'nonsense',
  ),
);

function subnetsOf(topology: Topology, family: 'ipv4' | 'ipv6') {
  return topology.networks.flatMap((network) => {
    const subnet = network[family];
    return subnet === undefined
      ? []
      : [{ name: network.name, subnet, cidr: parseCidr(`${subnet.address}/${subnet.prefixLength}`)!.block }];
  });
}

/** What a machine would notice of a change: everything of its NICs but where they stand in the file. */
function seenBy(topology: Topology, machine: string) {
  const found = topology.machines.find(({ name }) => name === machine);
  return found?.nics.map((nic) => ({ ...nic, source: undefined, keyLocations: undefined }));
}

function gatewaysOf(topology: Topology, names: readonly string[]) {
  return topology.networks
    .filter(({ name }) => names.includes(name))
    .map(({ name, gatewayMac, interfaceName, ipv4, ipv6 }) => ({
      name,
      gatewayMac,
      interfaceName,
      ipv4,
      ipv6,
    }));
}

function shuffled<T>(record: Readonly<Record<string, T>>, salt: number): Record<string, T> {
  const keyed = Object.entries(record).map(([name, value], index) => ({
    name,
    value,
    rank: ((index + 1) * 7919 * (salt + 1)) % 104_729,
  }));
  return Object.fromEntries(keyed.sort((a, b) => a.rank - b.rank).map(({ name, value }) => [name, value]));
}

/** A run resolves a file several times. */
const RUNS = { numRuns: 50 };

describe('every topology', () => {
  test('has no duplicates, and everything inside its subnet', () => {
    fc.assert(
      fc.property(files, busy, (file, busySubnets) => {
        const topology = resolve(file, busySubnets, NOTHING_REMEMBERED);
        const nics = topology.machines.flatMap((machine) => machine.nics);
        const macs = [
          ...nics.map(({ mac }) => mac),
          ...topology.networks.map(({ gatewayMac }) => gatewayMac),
        ];
        expect(new Set(macs).size).toBe(macs.length);
        for (const mac of macs) expect(mac).toMatch(/^52:54:00(:[\da-f]{2}){3}$/);
        const names = [...nics, ...topology.networks].map(({ interfaceName }) => interfaceName);
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(name).toMatch(/^p[nt]-[a-z0-9-]{1,12}$/);
        for (const family of ['ipv4', 'ipv6'] as const) {
          const subnets = subnetsOf(topology, family);
          for (const [index, one] of subnets.entries()) {
            for (const other of subnets.slice(index + 1))
              expect(cidrsOverlap(one.cidr, other.cidr)).toBe(false);
            const inside = (address: string) => cidrContains(one.cidr, parseAddress(address)!);
            const addresses = [
              one.subnet.gateway,
              ...nics.filter(({ network }) => network === one.name).map((nic) => nic[family]!),
            ];
            expect(new Set(addresses).size).toBe(addresses.length);
            for (const address of addresses) {
              expect(inside(address)).toBe(true);
              expect(formatAddress(parseAddress(address)!)).toBe(address);
              expect(address).not.toBe(one.subnet.address);
              expect(family === 'ipv4' && address.endsWith('.255')).toBe(false);
            }
          }
        }
      }),
      RUNS,
    );
  });

  test('is the same for the same input, and in whatever order the file is', () => {
    fc.assert(
      fc.property(files, busy, fc.nat(1000), (file, busySubnets, salt) => {
        const plain = (topology: Topology) =>
          JSON.stringify(topology, (key, value: unknown) =>
            /^(source|keyLocations)$/.test(key) ? undefined : value,
          );
        const first = plain(resolve(file, busySubnets, NOTHING_REMEMBERED));
        expect(plain(resolve(file, busySubnets, NOTHING_REMEMBERED))).toBe(first);
        const other = { networks: shuffled(file.networks, salt), machines: shuffled(file.machines, salt) };
        expect(plain(resolve(other, [...busySubnets].reverse(), NOTHING_REMEMBERED))).toBe(first);
      }),
      RUNS,
    );
  });

  test('is the same again from what it remembers', () => {
    fc.assert(
      fc.property(files, busy, (file, busySubnets) => {
        const first = resolve(file, busySubnets, NOTHING_REMEMBERED);
        expect(resolve(file, busySubnets, rememberedChoices(first))).toEqual(first);
      }),
      RUNS,
    );
  });
});

describe('a change to the file', () => {
  test('of machines leaves the others as they are', () => {
    fc.assert(
      fc.property(files, files, busy, (file, additions, busySubnets) => {
        const before = resolve(file, busySubnets, NOTHING_REMEMBERED);
        // Half of the machines go, and others come, on any of the networks that there are.
        const staying = Object.fromEntries(
          Object.entries(file.machines).filter((_, index) => index % 2 === 0),
        );
        const names = Object.keys(file.networks);
        const coming = Object.fromEntries(
          Object.entries(additions.machines)
            .filter(([name]) => file.machines[name] === undefined)
            .map(([name, { nics }]) => [
              name,
              { nics: nics.map((_, index) => ({ network: names[index % names.length] })) },
            ]),
        );
        const after = resolve(
          { networks: file.networks, machines: { ...coming, ...staying } },
          busySubnets,
          rememberedChoices(before),
        );
        for (const name of Object.keys(staying)) expect(seenBy(after, name)).toEqual(seenBy(before, name));
        expect(gatewaysOf(after, names)).toEqual(gatewaysOf(before, names));
      }),
      RUNS,
    );
  });

  test('of networks leaves the others as they are', () => {
    fc.assert(
      fc.property(files, busy, (file, busySubnets) => {
        const before = resolve(file, busySubnets, NOTHING_REMEMBERED);
        const names = Object.keys(file.networks);
        const staying = names.filter((_, index) => index === 0 || index % 2 === 1);
        const networks = Object.fromEntries(staying.map((name) => [name, file.networks[name]!]));
        const coming = { 'a-first': { mode: 'nat' }, 'z-last': { mode: 'isolated', dhcp: true } };
        const machines = Object.fromEntries(
          Object.entries(file.machines).filter(([, { nics }]) =>
            nics.every((nic) => 'network' in nic && staying.includes(String(nic.network))),
          ),
        );
        const after = resolve(
          { networks: { ...coming, ...networks }, machines },
          busySubnets,
          rememberedChoices(before),
        );
        expect(gatewaysOf(after, staying)).toEqual(gatewaysOf(before, staying));
        for (const name of Object.keys(machines)) expect(seenBy(after, name)).toEqual(seenBy(before, name));
      }),
      RUNS,
    );
  });
});

describe('routes of the host', () => {
  test('are avoided while there is room beside them', () => {
    const routes = fc.array(
      fc.tuple(fc.integer({ min: 64, max: 127 }), fc.nat(255), fc.integer({ min: 10, max: 24 })),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(routes, (list) => {
        const busySubnets = list.map(
          ([second, third, prefixLength]) => `10.${second}.${third}.1/${prefixLength}`,
        );
        const topology = resolve(
          { networks: { a: { mode: 'nat' }, b: { mode: 'nat' } }, machines: {} },
          busySubnets,
          NOTHING_REMEMBERED,
        );
        for (const { cidr } of subnetsOf(topology, 'ipv4')) {
          for (const route of busySubnets) expect(cidrsOverlap(cidr, parseCidr(route)!.block)).toBe(false);
        }
      }),
      RUNS,
    );
  });

  const subnetOf = (busySubnets: readonly string[], remembered = NOTHING_REMEMBERED): Subnet | undefined =>
    resolve({ networks: { web: { mode: 'nat' } }, machines: {} }, busySubnets, remembered).networks[0]?.ipv4;

  test.each([
    [['10.0.0.0/8'], /^172\.(1[6-9]|2\d|3[01])\./],
    [['10.0.0.0/8', '172.16.0.0/12'], /^192\.168\./],
    // A VPN that takes all private space: our own route is the more specific one.
    [['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'], /^10\./],
  ])('%j', (busySubnets, expected) => expect(subnetOf(busySubnets)?.address).toMatch(expected));

  test('a remembered subnet stands beside an aggregate and its own route, and yields to a neighbour', () => {
    const first = subnetOf([])!;
    const remembered = { ...NOTHING_REMEMBERED, subnets: { web: { ipv4: '10.70.7.0/24' } } };
    expect(subnetOf([], remembered)?.address).toBe('10.70.7.0');
    expect(subnetOf(['10.0.0.0/8'], remembered)?.address).toBe('10.70.7.0');
    expect(subnetOf(['10.70.7.0/24', '10.70.7.1/24'], remembered)?.address).toBe('10.70.7.0');
    expect(subnetOf(['10.70.0.0/20'], remembered)?.address).toBe(first.address);
  });
});
