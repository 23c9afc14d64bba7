import { describe, expect, it } from 'vitest';
import { network, nic, subnets, topology } from '../../../../test/conformance/ovs/topologies.js';
import type { InterfaceAddress } from '../../../clients/iproute/links.js';
import type { Route } from '../../../clients/iproute/routes.js';
import type { Operation } from '../../../clients/ovsdb/operations.js';
import { diff } from '../../../plan/diff.js';
import type { Change } from '../../../plan/resource.js';
import { commandsForOvs } from '../commands.js';
import { desireSwitches } from '../desire.js';
import { updatesInPlace } from '../impact.js';
import { rowTransactions } from './row-changes.js';
import { SCHEMA_NEEDS } from './columns.js';
import { handOverLines } from '../uplink/uplink.js';
import { shieldLines, unshieldLines } from '../../open-vswitch/shield.js';
import { ownerOf } from '../identity.js';

const P = 'shop';
const web = network(P, 'web', 'nat', subnets(1));
const lan = network(P, 'lan', 'bridge', { uplink: 'eth1' });
const nics = Array.from({ length: 40 }, (_, index) =>
  nic(P, `m${index}`, 0, web, {
    ipv4: `10.1.0.${index + 2}`,
    options: index % 4 === 0 ? { 'rate-limit-in': '10mbit' } : {},
  }),
);
const desired = desireSwitches(P, topology(P, [lan, web], nics), { datapath: 'netdev' });
const NONE = {
  bridgeUuid: () => undefined,
  portUuid: () => undefined,
  memberUuids: () => new Map<string, string>(),
  qosUuid: () => undefined,
  mirrorUuid: () => undefined,
  mirrors: [],
};
const STANDING = {
  bridgeUuid: (device: string) => `bridge-${device}`,
  portUuid: (device: string) => `port-${device}`,
  memberUuids: () =>
    new Map([
      ['eth1', 'row-eth1'],
      ['eth2', 'row-eth2'],
      ['eth3', 'row-of-a-dead-eth3'],
    ]),
  mirrorUuid: () => undefined,
  mirrors: [],
  qosUuid: (device: string) => (device === nics[0]!.interfaceName ? `qos-${device}` : undefined),
};
const LINKS = new Map([['eth1', { address: '02:00:00:00:00:07' } as never]]);

function transactions(changes: readonly Change[], standing: typeof NONE | typeof STANDING) {
  return rowTransactions(P, changes, standing, (_, uplink) => uplink, LINKS);
}

function namesIn(value: unknown, tag: string): string[] {
  if (!Array.isArray(value)) {
    return typeof value === 'object' && value !== null
      ? Object.values(value).flatMap((each) => namesIn(each, tag))
      : [];
  }
  if (value.length === 2 && value[0] === tag && typeof value[1] === 'string') return [value[1]];
  return value.flatMap((each) => namesIn(each, tag));
}

/** Every table and column an operation names is one that the schema gate asks for. */
function expectKnownColumns(operations: readonly Operation[]): void {
  const needs: Readonly<Record<string, readonly string[]>> = SCHEMA_NEEDS;
  for (const operation of operations) {
    const known = needs[String(operation['table'])];
    expect(known, String(operation['table'])).toBeDefined();
    for (const column of Object.keys((operation['row'] ?? {}) as object)) expect(known).toContain(column);
    for (const [column] of (operation['mutations'] ?? []) as [string][]) expect(known).toContain(column);
  }
}

describe('a plan as one transaction', () => {
  const changes = diff(desired, [], updatesInPlace);
  const { first, main, expected } = transactions(changes, NONE);
  const operations = main.operations();

  it('needs no other before it when everything is new', () => {
    expect(first.isEmpty).toBe(true);
    expect(expected.bridges.length).toBe(2);
    expect(expected.interfaces.length).toBe(nics.length + 1);
    expectKnownColumns(operations);
  });

  it('refers only to rows that it makes, by names that OVSDB takes', () => {
    const made = operations.flatMap((operation) =>
      typeof operation['uuid-name'] === 'string' ? [operation['uuid-name']] : [],
    );
    expect(new Set(made).size).toBe(made.length);
    for (const name of made) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
    for (const name of namesIn(operations, 'named-uuid')) expect(made).toContain(name);
  });

  it('joins all ports of a bridge in one mutation', () => {
    const joining = operations.filter(
      (operation) => operation.op === 'mutate' && JSON.stringify(operation).includes('"ports","insert"'),
    );
    expect(joining.length).toBe(2);
    expect(namesIn(joining, 'named-uuid').length).toBe(nics.length + 1);
  });

  it('marks every row of its own', () => {
    for (const { row, table } of operations.filter(({ op }) => op === 'insert') as unknown as {
      row: object;
      table: string;
    }[]) {
      expect(JSON.stringify(row), table).toContain('passerelle-project');
    }
  });

  it('gives the bridge the MAC of the NIC whose addresses it takes', () => {
    expect(JSON.stringify(operations)).toContain('02:00:00:00:00:07');
  });

  it('takes everything away by UUID, limits included, and each limit is let go of first', () => {
    const gone = transactions(diff([], desired, updatesInPlace), STANDING).main.operations();
    expectKnownColumns(gone);
    expect(namesIn(gone, 'uuid')).toEqual(
      expect.arrayContaining([`bridge-${web.interfaceName}`, `port-${nics[5]!.interfaceName}`]),
    );
    const releases = gone.findIndex((operation) => JSON.stringify(operation).includes('"qos":["set",[]]'));
    const removes = gone.findIndex((operation) => operation.op === 'delete' && operation['table'] === 'QoS');
    expect(releases).toBeGreaterThanOrEqual(0);
    expect(removes).toBeGreaterThan(releases);
  });

  it('takes a dead port out in a transaction of its own, before it comes again', () => {
    const port = desired.find(({ id }) => id === 'ovs/port/m5/0')!;
    const dead = { ...port, properties: { ...port.properties, isAttached: false } };
    const replaced = transactions(diff([port], [dead], updatesInPlace), STANDING);
    expect(namesIn(replaced.first.operations(), 'uuid')).toEqual([`port-${nics[5]!.interfaceName}`]);
    expect(replaced.main.operations().filter(({ op }) => op === 'insert').length).toBe(2);
  });

  it('says for every resource what a person would type', () => {
    for (const change of [...changes, ...diff([], desired, updatesInPlace)]) {
      expect(commandsForOvs(P, change).length).toBeGreaterThan(0);
    }
  });
});

describe('the shield', () => {
  it('is a chain a device, and the table goes with the last', () => {
    expect(shieldLines(ownerOf(P), ['tap0'])).toEqual([
      'add table netdev passerelle.shop.ovs',
      'add chain netdev passerelle.shop.ovs in-tap0 { type filter hook ingress device "tap0" priority -500 ; policy drop ; }',
    ]);
    expect(shieldLines(ownerOf(P), [])).toEqual([]);
    expect(unshieldLines(ownerOf(P), ['tap0', 'other'], new Set(['tap0', 'tap1']))).toEqual([
      'delete chain netdev passerelle.shop.ovs in-tap0',
    ]);
    expect(unshieldLines(ownerOf(P), ['tap0', 'tap1'], new Set(['tap0', 'tap1']))).toEqual([
      'delete table netdev passerelle.shop.ovs',
    ]);
    expect(unshieldLines(ownerOf(P), ['other'], new Set(['tap0']))).toEqual([]);
  });
});

describe('the host’s life on an uplink', () => {
  const address = (text: string, more: Partial<InterfaceAddress> = {}): InterfaceAddress => ({
    ifname: 'eth1',
    family: text.includes(':') ? 6 : 4,
    address: text,
    prefixLength: 24,
    scope: 'global',
    flags: {},
    ...more,
  });
  const route = (destination: string, more: Partial<Route> = {}): Route => ({
    family: 4,
    destination,
    device: 'eth1',
    ...more,
  });

  it('moves with its addresses, the last taken first, then with its routes', () => {
    const lines = handOverLines(
      'eth1',
      'br0',
      [
        address('192.0.2.5', { flags: { broadcast: '192.0.2.255' }, validLifeSeconds: 600 }),
        address('192.0.2.6'),
        address('fe80::1', { scope: 'link' }),
        address('2001:db8::5'),
        address('10.0.0.1', { ifname: 'eth2' }),
      ],
      [
        route('192.0.2.0/24', { protocol: 'kernel' }),
        route('default', { gateway: '192.0.2.1', protocol: 'dhcp', metric: 100 }),
        route('default', { family: 6, gateway: 'fe80::99' }),
        route('default', { device: 'eth2', gateway: '10.0.0.2' }),
      ],
    );
    expect(lines).toEqual([
      'address del 2001:db8::5/24 dev eth1',
      'address del 192.0.2.6/24 dev eth1',
      'address del 192.0.2.5/24 dev eth1',
      'address add 192.0.2.5/24 dev br0 broadcast 192.0.2.255 valid_lft 600 preferred_lft 600',
      'address add 192.0.2.6/24 dev br0',
      'address add 2001:db8::5/24 dev br0 nodad',
      'route replace 0.0.0.0/0 via 192.0.2.1 dev br0 proto dhcp metric 100',
      'route replace ::/0 via fe80::99 dev br0',
    ]);
  });
});
