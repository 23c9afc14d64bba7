import { expect, it } from 'vitest';
import { routeNotes } from './route-notes.js';

const set = (name: string, ...texts: string[]): { name: string; elements: { text: string }[] } => ({
  name,
  elements: texts.map((text) => ({ text })),
});
const table = {
  family: 'inet',
  name: 't',
  chains: [],
  rules: [],
  limits: [],
  sets: [
    set('from_segment', '"a" : jump from_routed', '"b" : jump from_nat'),
    set('subnets4', '"a" . 10.0.1.0/24', '"b" . 10.0.2.0/24'),
    set('subnets6', '"a" . 2001:db8:1::/64'),
  ],
};
const address = (text: string, family: 4 | 6, scope: string): Parameters<typeof routeNotes>[2][number] => ({
  ifname: 'eth0',
  family,
  address: text,
  prefixLength: 24,
  scope,
  flags: {},
});

it('names the routes to routed networks, by the address that the LAN knows the host by', () => {
  const routes = [{ family: 4, destination: 'default', device: 'eth0' }] as const;
  expect(
    routeNotes(table, routes, [address('fe80::1', 6, 'link'), address('192.0.2.2', 4, 'global')]),
  ).toEqual([
    "the LAN's router needs the route: ip route add 10.0.1.0/24 via 192.0.2.2",
    "the LAN's router needs the route: ip route add 2001:db8:1::/64 via this host's address",
  ]);
});
