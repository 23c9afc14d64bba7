import { expect, it } from 'vitest';
import { renewingArguments, servesNic } from './dhcp-lease.js';

const files = { script: '/run/s', pid: '/run/p', leases: '/run/l' };

it.each([
  ['dhclient -4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases eth0', 'dhclient'],
  ['/sbin/dhclient eth0', 'dhclient'],
  ['udhcpc -b -i eth0', 'udhcpc'],
  ['/bin/busybox udhcpc --interface=eth0', 'udhcpc'],
  ['dhclient eth1', undefined],
  ['udhcpc -i eth01', undefined],
  ['vi dhclient eth0', undefined],
  ['NetworkManager --no-daemon', undefined],
  ['', undefined],
] as const)('%s', (line, program) => {
  expect(servesNic(line.split(' '), 'eth0')).toBe(program);
});

it('asks for the same address as the same kind of client', () => {
  const line = (words: string): string =>
    renewingArguments(
      { program: servesNic(words.split(' '), 'eth0') ?? 'udhcpc', words: words.split(' ') },
      'br0',
      '192.0.2.2',
      files,
    ).join(' ');
  expect(line('/sbin/dhclient -cf /etc/d.conf -pf /x eth0')).toBe(
    'dhclient -4 -d -cf /etc/d.conf -pf /run/p -lf /run/l -sf /run/s br0',
  );
  expect(line('busybox udhcpc -b -R -i eth0')).toBe(
    'busybox udhcpc -f -i br0 -r 192.0.2.2 -p /run/p -s /run/s',
  );
});
