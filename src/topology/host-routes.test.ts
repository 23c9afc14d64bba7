import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCidr } from '../wire/cidr.js';
import { parseIpRouteJson, parseIpv4Routes, parseIpv6Addresses, parseIpv6Routes } from './host-routes.js';

// As the kernel prints them; tabs between fields, spaces at the end of a line.
const IPV4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0   
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
wg0\t0740070A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
lo\t0000010A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\t0000020A\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0
`;

const IPV6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
20000000000000000000000000000000 03 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     tun0
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

const ADDRESSES = `00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 02 40 00 80     eth0
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
`;

const IP_ROUTE = JSON.stringify([
  { dst: 'default', gateway: '192.0.2.1', dev: 'eth0', flags: [] },
  { dst: '192.0.2.0/24', dev: 'eth0', scope: 'link' },
  { dst: '10.7.64.7', dev: 'wg0' },
  { dst: '128.0.0.0/1', dev: 'tun0' },
  { dst: 'fe80::/64', dev: 'eth0' },
  { dst: 'fd00::/64', dev: 'eth0' },
  { dst: 7 },
  null,
]);

describe('routes and addresses of the host', () => {
  test('/proc/net/route', () => {
    expect(parseIpv4Routes(IPV4)).toEqual(['192.0.2.0/24', '10.0.0.0/8', '10.7.64.7/32']);
  });

  test('/proc/net/ipv6_route', () => {
    expect(parseIpv6Routes(IPV6)).toEqual(['fd00::/64', 'fd00::2/128']);
  });

  test('/proc/net/if_inet6', () => {
    expect(parseIpv6Addresses(ADDRESSES)).toEqual(['::1/128', 'fd00::/64']);
  });

  test('ip -j route', () => {
    expect(parseIpRouteJson(IP_ROUTE)).toEqual(['192.0.2.0/24', '10.7.64.7/32', 'fd00::/64']);
    expect(parseIpRouteJson('')).toEqual([]);
    expect(parseIpRouteJson('{"dst":"10.0.0.0/8"}')).toEqual([]);
  });

  test('a mask with holes is nobody’s', () => {
    expect(parseIpv4Routes('eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FF00FF\t0\t0\t0\n')).toEqual([]);
  });

  test('whatever the text, subnets or nothing', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '0000000A',
        '00FFFFFF',
        'fd',
        '40',
        '0001',
        '\t',
        ' ',
        '\n',
        'eth0',
        'x',
        IPV6.slice(0, 90),
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((list) => list.join('')),
        ),
        (text) => {
          for (const parse of [parseIpv4Routes, parseIpv6Routes, parseIpv6Addresses, parseIpRouteJson]) {
            for (const subnet of parse(text)) expect(parseCidr(subnet)).toBeDefined();
          }
        },
      ),
    );
  });
});
