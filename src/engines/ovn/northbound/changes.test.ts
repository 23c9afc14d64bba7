import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diff } from '../../../plan/diff.js';
import type { Resource } from '../../../plan/resource.js';
import type { Network, Nic, Topology } from '../../../topology/topology.js';
import { commandsForOvn } from '../commands.js';
import { desireSegments } from '../desire.js';
import { updatesInPlace } from '../impact.js';
import { isNorthbound, northboundOperations } from './changes.js';
import { MemoryNorthbound } from '../../../../test/ovn/memory-northbound.js';
import { observedNorthbound } from './observed.js';

const P = 'shop';
const source = { file: 'f.yaml', line: 1, column: 1 };
const HOSTS = ['kvm1', 'kvm2', 'kvm3'] as const;
type HostName = (typeof HOSTS)[number];

interface Wish {
  readonly networks: readonly { name: string; mode: 'nat' | 'isolated' | 'bridge'; isServed: boolean }[];
  readonly machines: readonly {
    name: string;
    network: number;
    host: HostName;
    isGuarded: boolean;
    isLimited: boolean;
  }[];
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  networks: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('web', 'back', 'lan', 'a-b'),
      mode: fc.constantFrom('nat' as const, 'isolated' as const, 'bridge' as const),
      isServed: fc.boolean(),
    }),
    { selector: ({ name }) => name, minLength: 1 },
  ),
  machines: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('m1', 'm2', 'm3', 'm4'),
      network: fc.nat(3),
      host: fc.constantFrom(...HOSTS),
      isGuarded: fc.boolean(),
      isLimited: fc.boolean(),
    }),
    { selector: ({ name }) => name },
  ),
});

/** The share of one host, as topology/share.ts makes it; the first host has the gateways. */
function shareOf(wish: Wish, host: HostName): Topology {
  const networks = wish.networks.map(
    ({ name, mode, isServed }, index): Network => ({
      name,
      mode,
      engine: 'ovn',
      mtuBytes: 1442,
      gatewayMac: `52:54:00:00:00:0${index}`,
      hostLoopback: false,
      interfaceName: `psl${name}`,
      options: {},
      source,
      ...(mode === 'bridge'
        ? { uplink: 'office' }
        : { ipv4: { address: `10.${index}.0.0`, prefixLength: 24, gateway: `10.${index}.0.1` } }),
      ...(isServed && {
        dhcp: { rangeFirst: '10.0.0.9', rangeLast: '10.0.0.10', leaseSeconds: 60 },
        dns: { domain: 'x.internal', upstream: [] },
      }),
      ...(host !== HOSTS[0] && { gatewayElsewhere: HOSTS[0] }),
    }),
  );
  const nics = wish.machines.map(
    ({ name, network, isGuarded, isLimited, host: at }, index): Nic & { at: HostName } => ({
      id: `${name}/0`,
      machine: name,
      index: 0,
      network: networks[network % networks.length]?.name ?? '',
      mac: `52:54:00:00:01:0${index}`,
      model: 'virtio-net-pci',
      ipv4: `10.0.0.${index + 20}`,
      antiSpoofing: isGuarded,
      interfaceName: `psl${name}`,
      options: isLimited ? { 'rate-limit': '20mbit', 'rate-limit-in': `${index + 1}mbit` } : {},
      source,
      at,
    }),
  );
  const machine = ({ at: _at, ...nic }: (typeof nics)[number]) => ({
    name: nic.machine,
    nics: [nic],
    source,
  });
  return {
    project: P,
    networks,
    machines: nics.filter(({ at }) => at === host).map(machine),
    elsewhere: nics.filter(({ at }) => at !== host).map(machine),
    forwards: [],
  };
}

function wanted(wish: Wish, host: HostName): Resource[] {
  return desireSegments(P, shareOf(wish, host), { datapath: 'netdev' }).filter(isNorthbound);
}

/** What `up` on the host does to the database. @param snapshot read before, when another host may have come between. */
function up(
  database: MemoryNorthbound,
  host: HostName,
  desired: readonly Resource[],
  snapshot = database.snapshot(P),
): void {
  const changes = diff(desired, observedNorthbound(snapshot, host), updatesInPlace);
  database.transact(northboundOperations({ project: P, chassis: host }, changes, snapshot));
}

function facts(resources: readonly Resource[]): Record<string, unknown> {
  return Object.fromEntries(resources.map(({ id, properties }) => [id, properties]));
}

describe('what hosts write into one northbound database', () => {
  it('stands as each of them wanted it, whatever stood before and whoever came first', () => {
    fc.assert(
      fc.property(wishes, wishes, fc.shuffledSubarray([...HOSTS]), (before, after, order) => {
        const database = new MemoryNorthbound();
        for (const host of HOSTS) up(database, host, wanted(before, host));
        // A host that does not hear of the new file keeps its share, but for machines that have come to others.
        for (const host of order) up(database, host, wanted(after, host));
        for (const host of order)
          expect(facts(observedNorthbound(database.snapshot(P), host))).toEqual(facts(wanted(after, host)));
      }),
    );
  });

  it('is gone when the last of them is down, and rows of others stay', () => {
    fc.assert(
      fc.property(wishes, fc.shuffledSubarray([...HOSTS], { minLength: 3 }), (wish, order) => {
        const database = new MemoryNorthbound();
        database.add('Logical_Switch', { name: 'theirs' });
        database.add('Port_Group', { name: 'theirs' });
        const before = database.names();
        for (const host of HOSTS) up(database, host, wanted(wish, host));
        for (const [index, host] of order.entries()) {
          up(database, host, []);
          for (const other of order.slice(index + 1))
            expect(facts(observedNorthbound(database.snapshot(P), other))).toEqual(
              facts(wanted(wish, other)),
            );
        }
        expect(database.names()).toEqual(before);
      }),
    );
  });

  it('is the same when they come and go at once: who read too early is refused, and asks again', () => {
    fc.assert(
      fc.property(
        wishes,
        fc.shuffledSubarray([...HOSTS], { minLength: 2 }),
        fc.boolean(),
        (wish, order, leaves) => {
          const database = new MemoryNorthbound();
          if (leaves) for (const host of order) up(database, host, wanted(wish, host));
          const early = database.snapshot(P);
          for (const host of order) {
            const desired = leaves ? [] : wanted(wish, host);
            try {
              up(database, host, desired, early);
            } catch (error) {
              expect(String(error)).toContain('timed out');
              up(database, host, desired);
            }
          }
          for (const host of order)
            expect(facts(observedNorthbound(database.snapshot(P), host))).toEqual(
              facts(leaves ? [] : wanted(wish, host)),
            );
          const names = database.names().filter((name) => !/^(?:ACL|QoS|DHCP_Options) /.test(name));
          expect(new Set(names).size).toBe(names.length);
          if (leaves) expect(names).toEqual([]);
        },
      ),
    );
  });

  it('costs an edit what it changes', () => {
    const wish: Wish = {
      networks: [{ name: 'web', mode: 'nat', isServed: true }],
      machines: [{ name: 'm1', network: 0, host: 'kvm1', isGuarded: true, isLimited: false }],
    };
    const database = new MemoryNorthbound();
    up(database, 'kvm1', wanted(wish, 'kvm1'));
    const grown = { ...wish, machines: [...wish.machines, { ...wish.machines[0]!, name: 'm2' }] };
    const snapshot = database.snapshot(P);
    const changes = diff(wanted(grown, 'kvm1'), observedNorthbound(snapshot, 'kvm1'), updatesInPlace);
    const operations = northboundOperations({ project: P, chassis: 'kvm1' }, changes, snapshot);
    const done = operations.filter(({ op }) => op !== 'wait');
    expect(done.map(({ op, table }) => `${op} ${String(table)}`)).toEqual([
      'insert Logical_Switch_Port',
      'mutate Logical_Switch',
      'mutate Port_Group',
    ]);
  });

  it('can be typed by hand, each change of it', () => {
    fc.assert(
      fc.property(wishes, wishes, (before, after) => {
        const changes = diff(wanted(after, 'kvm1'), wanted(before, 'kvm1'), updatesInPlace);
        for (const change of changes) expect(commandsForOvn(P, change).length).toBeGreaterThan(0);
      }),
      { numRuns: 30 },
    );
  });
});
