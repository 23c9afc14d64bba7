import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAddresses, parseLinks, parseListing } from './links.js';
import { defaultRouteDevices, parseDeviceRoutes, parseRoutes } from './routes.js';

const TAP = `[{"ifindex":3,"ifname":"tap0","flags":["BROADCAST","UP"],"mtu":1400,"master":"br0","operstate":"DOWN","group":"777",
"address":"ae:be:51:ac:d4:25","linkinfo":{"info_kind":"tun","info_data":{"type":"tap","multi_queue":false,"user":"kim"},
"info_slave_kind":"bridge"},"inet6_addr_gen_mode":"none","altnames":["passerelle:shop:nic:web1:0"]},
{"ifindex":4,"link_index":2,"link_netnsid":0,"ifname":"v0","flags":[],"mtu":1500,"operstate":"UP","linkinfo":{"info_kind":"veth"}},{}]`;

it('reads links with what their drivers say', () => {
  const [tap, veth, ...none] = parseLinks(parseListing(TAP));
  expect(tap).toEqual({
    ifindex: 3,
    ifname: 'tap0',
    flags: ['BROADCAST', 'UP'],
    mtu: 1400,
    operstate: 'DOWN',
    group: '777',
    altnames: ['passerelle:shop:nic:web1:0'],
    info: { type: 'tap', multi_queue: false, user: 'kim' },
    address: 'ae:be:51:ac:d4:25',
    master: 'br0',
    kind: 'tun',
    portKind: 'bridge',
  });
  expect(veth).toMatchObject({ kind: 'veth', peerIndex: 2, peerNamespaceId: 0 });
  expect(none).toEqual([]);
});

it('reads addresses with their lifetimes', () => {
  const listing = parseListing(
    `[{"ifname":"lan0","addr_info":[{"family":"inet","local":"10.0.0.2","prefixlen":24,"scope":"global","valid_life_time":4294967295},
    {"family":"inet6","local":"2001:db8::5","prefixlen":64,"scope":"global","dynamic":true,"valid_life_time":3000},{}]}]`,
  );
  const [ipv4, ipv6, ...none] = parseAddresses(listing);
  expect(ipv4).toMatchObject({
    ifname: 'lan0',
    family: 4,
    address: '10.0.0.2',
    prefixLength: 24,
    scope: 'global',
  });
  expect(ipv4).not.toHaveProperty('validLifeSeconds');
  expect(ipv6).toMatchObject({ family: 6, validLifeSeconds: 3000, flags: { dynamic: true } });
  expect(none).toEqual([]);
});

it('reads routes, of one device in any table too', () => {
  const listing = parseListing(
    `[{"dst":"default","gateway":"10.0.0.1","dev":"lan0","metric":50,"flags":[]},{"dst":"default","dev":"wan0","flags":[]},{"dst":"10.9.0.0/16"}]`,
  );
  const routes = parseRoutes(listing, 4);
  expect(routes).toHaveLength(2);
  // Without a metric it is preferred.
  expect(defaultRouteDevices(routes)).toEqual(['wan0', 'lan0']);
  expect(defaultRouteDevices(routes, 6)).toEqual([]);

  const ofDevice = parseListing(
    `[{"dst":"10.9.0.0/16","gateway":"10.0.0.9","table":"77","flags":["onlink"]},{"dst":"default","gateway":"fe80::1","protocol":"ra","expires":299,"flags":[]},
    {"type":"local","dst":"10.0.0.2","table":"local"}]`,
  );
  expect(parseDeviceRoutes(ofDevice, 4, 'v0')).toEqual([
    { family: 4, destination: '10.9.0.0/16', device: 'v0', gateway: '10.0.0.9', table: '77', isOnLink: true },
    {
      family: 4,
      destination: 'default',
      device: 'v0',
      gateway: 'fe80::1',
      protocol: 'ra',
      isOnLink: false,
      expiresSeconds: 299,
    },
  ]);
});

it('takes anything for a listing without throwing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const listing = parseListing(text);
      expect(Array.isArray(parseLinks(listing))).toBe(true);
      expect(Array.isArray(parseAddresses(listing))).toBe(true);
      expect(Array.isArray(parseDeviceRoutes(listing, 6, 'x'))).toBe(true);
    }),
    { seed: 20261123, numRuns: 500 },
  );
});
