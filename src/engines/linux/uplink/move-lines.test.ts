import { expect, it } from 'vitest';
import type { InterfaceAddress } from '../../../clients/iproute/links.js';
import { moveLines } from './move-lines.js';

const address = (text: string, rest: Partial<InterfaceAddress> = {}): InterfaceAddress => ({
  ifname: 'eth0',
  family: text.includes(':') ? 6 : 4,
  address: text,
  prefixLength: text.includes(':') ? 64 : 24,
  scope: 'global',
  flags: {},
  ...rest,
});

it('takes addresses from one device, the last first, and gives them to another in their order', () => {
  const lines = moveLines('eth0', 'br0', {
    addresses: [
      address('192.0.2.2', { flags: { broadcast: '192.0.2.255', valid_life_time: 4_294_967_295 } }),
      address('192.0.2.20'),
      address('2001:db8::5', { flags: { valid_life_time: 3000, preferred_life_time: 2000 } }),
      address('fe80::1', { scope: 'link' }),
    ],
    routes: [],
  });
  expect(lines).toEqual([
    'address del 2001:db8::5/64 dev eth0',
    'address del 192.0.2.20/24 dev eth0',
    'address del 192.0.2.2/24 dev eth0',
    'address replace 192.0.2.2/24 broadcast 192.0.2.255 dev br0',
    'address replace 192.0.2.20/24 dev br0',
    'address replace 2001:db8::5/64 dev br0 valid_lft 3000 preferred_lft 2000 nodad',
    'address replace 2001:db8::5/64 dev br0 valid_lft 3000 preferred_lft 2000',
  ]);
});

it('moves routes with all that they say, and leaves those to the kernel that it makes itself', () => {
  const route = { family: 4, device: 'eth0', isOnLink: false } as const;
  const lines = moveLines('eth0', 'br0', {
    addresses: [],
    routes: [
      {
        ...route,
        destination: 'default',
        gateway: '192.0.2.1',
        metric: 50,
        protocol: 'dhcp',
        preferredSource: '192.0.2.2',
      },
      { ...route, destination: '10.9.0.0/16', gateway: '192.0.2.9', table: '77', isOnLink: true },
      { ...route, destination: '192.0.2.0/24', protocol: 'kernel', scope: 'link' },
      {
        ...route,
        family: 6,
        destination: 'default',
        gateway: 'fe80::1',
        protocol: 'ra',
        expiresSeconds: 299,
      },
    ],
  });
  expect(lines).toEqual([
    'route replace default via 192.0.2.1 dev br0 proto dhcp src 192.0.2.2 metric 50',
    'route replace 10.9.0.0/16 via 192.0.2.9 dev br0 table 77 onlink',
    'route replace ::/0 via fe80::1 dev br0 proto ra expires 299',
  ]);
});

it('keeps an advertised address one, and its route apart from the host’s own', () => {
  const forever = 4_294_967_295;
  const flags = { dynamic: true, mngtmpaddr: true, valid_life_time: forever, preferred_life_time: forever };
  const route = { family: 6, device: 'eth0', destination: 'default', metric: 1024, isOnLink: false } as const;
  const lines = moveLines('eth0', 'br0', {
    addresses: [address('2001:db8::5', { flags })],
    routes: [
      { ...route, destination: '2001:db8::/64', protocol: 'kernel', metric: 256 },
      { ...route, destination: 'fe80::/64', protocol: 'kernel', metric: 256 },
      { ...route, gateway: '2001:db8::1' },
      { ...route, gateway: 'fe80::1', protocol: 'ra', hopLimit: 64 },
    ],
  });
  const line =
    'address replace 2001:db8::5/64 dev br0 valid_lft 4294967294 preferred_lft 4294967294 mngtmpaddr';
  expect(lines).toEqual([
    'address del 2001:db8::5/64 dev eth0',
    'route replace 2001:db8::/64 dev eth0 metric 256',
    'route del 2001:db8::/64 dev eth0 metric 256',
    `${line} nodad`,
    line,
    'route replace ::/0 via 2001:db8::1 dev br0 metric 1024',
    'route replace ::/0 via fe80::1 dev br0 proto ra metric 1025 hoplimit 64',
  ]);
});
