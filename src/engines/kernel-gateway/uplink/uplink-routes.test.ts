import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleNetwork } from '../../../../test/sample-topology.js';
import type { DeviceRoute } from '../../../clients/iproute/routes.js';
import type { Network } from '../../../topology/topology.js';
import {
  changeLines,
  desireUplinkRoutes,
  gatewayOf,
  type OwnRoute,
  routeText,
  tableOf,
  uplinkRoutesOf,
  wantedRoutes,
  wantedRules,
} from './uplink-routes.js';

const network = (name: string, net: number, rest: Partial<Network> = {}): Network =>
  sampleNetwork({
    name,
    interfaceName: `psl-${name}`,
    ipv4: { address: `10.0.${net}.0`, prefixLength: 24, gateway: `10.0.${net}.1` },
    ...rest,
  });
const web = network('web', 1, {
  uplink: 'eth1',
  ipv6: { address: 'fd00:1::', prefixLength: 64, gateway: 'fd00:1::1' },
});
const route = (rest: Partial<DeviceRoute>): DeviceRoute => ({
  family: 4,
  destination: 'default',
  device: 'eth1',
  isOnLink: false,
  ...rest,
});
const host: DeviceRoute[] = [
  route({ destination: '198.51.100.0/24' }),
  route({ destination: '192.168.0.0/16', gateway: '198.51.100.9' }),
  route({ gateway: '198.51.100.1', metric: 200 }),
  route({ family: 6, destination: 'fe80::/64' }),
  route({ family: 6, gateway: 'fe80::1' }),
];
const texts = (routes: readonly OwnRoute[]): string[] => routes.map(routeText);

describe('the routes of a network that is bound to an uplink', () => {
  const [resource, ...others] = desireUplinkRoutes('linux', [web, network('srv', 2)], (name) => name);
  const asked = uplinkRoutesOf(resource!)!;

  it('are those of the project by its devices, those of the uplink by the uplink, and a last resort', () => {
    expect(others).toEqual([]);
    expect(texts(wantedRoutes('77', asked, host))).toEqual([
      '10.0.1.0/24 dev psl-web table 77 proto 80',
      '10.0.2.0/24 dev psl-srv table 77 proto 80',
      '198.51.100.0/24 dev eth1 table 77 proto 80',
      '192.168.0.0/16 via 198.51.100.9 dev eth1 onlink table 77 proto 80',
      'default via 198.51.100.1 dev eth1 onlink table 77 proto 80',
      'unreachable default metric 4294967295 table 77 proto 80',
      'fd00:1::/64 dev psl-web table 77 proto 80',
      'default via fe80::1 dev eth1 onlink table 77 proto 80',
      'unreachable default metric 4294967295 table 77 proto 80',
    ]);
  });

  it('lead nowhere else when no gateway is known', () => {
    expect(texts(wantedRoutes('77', { ...asked, gateways: [] }, host)).join('\n')).not.toContain(
      'default via',
    );
  });

  it('have a table that is another for another network, engine or project', () => {
    const tables = [
      tableOf('shop', { id: 'linux/uplink-routes/web' }),
      tableOf('shop', { id: 'ovs/uplink-routes/web' }),
      tableOf('shop', { id: 'linux/uplink-routes/srv' }),
      tableOf('lab', { id: 'linux/uplink-routes/web' }),
    ];
    expect(new Set(tables).size).toBe(4);
    for (const table of tables) expect(Number(table)).toBeLessThan(2 ** 31);
  });
});

describe('the gateway of an uplink', () => {
  it('is the one of the file, else of the host, its main table before others', () => {
    expect(gatewayOf(['2001:db8::1', '192.0.2.9'], host, 4)).toBe('192.0.2.9');
    expect(gatewayOf([], host, 4)).toBeUndefined();
    const elsewhere = route({ gateway: '198.51.100.2', table: '100' });
    expect(gatewayOf(null, [elsewhere, ...host], 4)).toBe('198.51.100.1');
    expect(gatewayOf(null, [elsewhere], 4)).toBe('198.51.100.2');
    expect(gatewayOf(null, [route({})], 4)).toBeUndefined();
  });

  it('is never learnt from a table of ours', () => {
    const own = route({ gateway: '198.51.100.2', table: '1342177281', protocol: '80' });
    expect(gatewayOf(null, [own], 4)).toBeUndefined();
  });
});

describe('changes', () => {
  const ruleOf = (table: string) =>
    wantedRules(table, { device: 'br', uplink: 'e', families: [4], gateways: null, neighbours: [] });

  it('put routes before the rule that leads to them, and take the rule before them', () => {
    const routes: OwnRoute[] = [{ family: 4, table: '7', destination: 'default', way: 'via 1.1.1.1 dev e' }];
    const none = { standing: [], wanted: [] };
    expect(changeLines(4, { ...none, wanted: ruleOf('7') }, { ...none, wanted: routes })).toEqual([
      'route replace default via 1.1.1.1 dev e table 7 proto 80',
      'rule add iif br lookup 7 priority 20500 protocol 80',
    ]);
    expect(changeLines(4, { ...none, standing: ruleOf('7') }, { ...none, standing: routes })).toEqual([
      'rule del iif br lookup 7 priority 20500 protocol 80',
      'route del default via 1.1.1.1 dev e table 7 proto 80',
    ]);
    expect(changeLines(6, { ...none, wanted: ruleOf('7') }, { ...none, wanted: routes })).toEqual([]);
  });

  const ways = fc.uniqueArray(
    fc.record({
      family: fc.constant(4 as const),
      table: fc.constantFrom('7', '8'),
      destination: fc.constantFrom('default', 'unreachable default', '10.0.0.0/24', '10.0.1.0/24'),
      way: fc.constantFrom('dev a', 'via 1.1.1.1 dev b onlink'),
    }),
    { selector: ({ table, destination }) => `${table} ${destination}` },
  );

  it('lead from any routes to any others, and are none when both are the same', () => {
    fc.assert(
      fc.property(ways, ways, (standing, wanted) => {
        const table = new Map(standing.map((each) => [`${each.table} ${each.destination}`, routeText(each)]));
        const rules = { standing: [], wanted: [] };
        for (const line of changeLines(4, rules, { standing, wanted })) {
          const text = line.replace(/^route (?:replace|del) /, '');
          const place = [...standing, ...wanted].find((each) => routeText(each) === text)!;
          const key = `${place.table} ${place.destination}`;
          if (line.startsWith('route replace')) table.set(key, text);
          else table.delete(key);
        }
        expect([...table.values()].sort()).toEqual(wanted.map(routeText).sort());
        expect(changeLines(4, rules, { standing: wanted, wanted })).toEqual([]);
      }),
    );
  });
});
