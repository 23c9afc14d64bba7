import { expect, it } from 'vitest';
import { parseMarkedRoutes } from './routes.js';
import { parseNeighbourProxies } from './neighbours.js';
import { parseDeviceRules } from './rules.js';

it('reads rules that ask for a device, whether it stands or not, and no others', () => {
  const listing = JSON.parse(
    '[{"priority":0,"src":"all","table":"local"},{"priority":20500,"src":"all","iif":"br0","iif_detached":null,"table":"1342177281","protocol":"80"}]',
  ) as Record<string, unknown>[];
  expect(parseDeviceRules(listing, 4)).toEqual([
    { family: 4, priority: 20500, device: 'br0', table: '1342177281' },
  ]);
});

it('reads routes that lead somewhere and routes that lead nowhere', () => {
  const listing = JSON.parse(
    '[{"type":"unreachable","dst":"default","dev":"lo","table":"77","metric":4294967295,"flags":[]},{"dst":"default","gateway":"fe80::1","dev":"br0","table":"77","flags":["onlink"]},{"dst":"10.9.0.0/24","dev":"br0","flags":[]}]',
  ) as Record<string, unknown>[];
  expect(parseMarkedRoutes(listing, 6)).toEqual([
    { family: 6, type: 'unreachable', destination: 'default', table: '77', isOnLink: false, device: 'lo' },
    {
      family: 6,
      type: 'unicast',
      destination: 'default',
      table: '77',
      isOnLink: true,
      device: 'br0',
      gateway: 'fe80::1',
    },
    {
      family: 6,
      type: 'unicast',
      destination: '10.9.0.0/24',
      table: 'main',
      isOnLink: false,
      device: 'br0',
    },
  ]);
});

it('reads for whom the host answers, and who said so', () => {
  const listing = JSON.parse(
    '[{"dst":"2001:db8::5","dev":"e0","proxy":null,"protocol":"80"},{"dst":"2001:db8::6","dev":"e0","proxy":null}]',
  ) as Record<string, unknown>[];
  expect(parseNeighbourProxies(listing)).toEqual([
    { address: '2001:db8::5', device: 'e0', protocol: '80' },
    { address: '2001:db8::6', device: 'e0' },
  ]);
});
