import { describe, expect, test } from 'vitest';
import { told } from '../../../test/spec/told.js';

describe('networks', () => {
  const network = (keys: string) => told(`project: shop\nnetworks:\n  web: { ${keys} }\n`);
  test.each([
    [
      'mode: bridge, ipv4: auto',
      [
        '3:24 spec/key-not-for-mode: network web is bridge and has the key "ipv4" | remove it: on a bridge network the LAN decides',
      ],
    ],
    ['mode: bridge, ipv4: false, dhcp: false', []],
    [
      'mode: bridge, dhcp: true',
      [
        '3:24 spec/key-not-for-mode: network web is bridge and has the key "dhcp" | remove it: on a bridge network the LAN decides',
      ],
    ],
    [
      'mode: isolated, uplink: eth0',
      [
        '3:26 spec/key-not-for-mode: network web is isolated and has the key "uplink" | remove it: an isolated network reaches its own machines only',
      ],
    ],
    [
      'mode: isolated, dhcp: true, dns: { upstream: [9.9.9.9] }',
      [
        '3:45 spec/key-not-for-mode: network web is isolated and has the key "upstream" | remove it: an isolated network reaches its own machines only',
      ],
    ],
    [
      'mode: nat, proxy-arp: true',
      [
        '3:21 spec/key-not-for-mode: network web is nat and has the key "proxy-arp" | remove it: a nat network stays behind the address of the host',
      ],
    ],
    [
      'mode: nat, uplink-gateway: [192.0.2.1]',
      [
        '3:21 spec/uplink-gateway-without-uplink: network web has an uplink-gateway and no uplink of its own | name the NIC that it is reached by, as uplink: eth1, or remove it: by default the routes of the host hold',
      ],
    ],
    ['mode: routed, uplink: eth1, uplink-gateway: []', []],
    [
      'mode: nat, ipv4: { subnet: 10.10.10.0/24, gateway: 10.10.11.1 }',
      [
        '3:61 spec/address-outside-subnet: the gateway 10.10.11.1 of network web is not an address for a host in 10.10.10.0/24 | write one from 10.10.10.1-10.10.10.254',
      ],
    ],
    [
      'mode: nat, ipv4: { subnet: 10.10.10.0/24, gateway: 10.10.10.255 }',
      [
        '3:61 spec/address-outside-subnet: the gateway 10.10.10.255 of network web is not an address for a host in 10.10.10.0/24 | write one from 10.10.10.1-10.10.10.254',
      ],
    ],
    [
      'mode: nat, ipv4: 10.10.10.0/24, dhcp: { range: 10.10.10.200-10.10.11.9 }',
      [
        '3:57 spec/address-outside-subnet: the range 10.10.10.200-10.10.11.9 of network web leaves 10.10.10.0/24 | stay within 10.10.10.1-10.10.10.254',
      ],
    ],
    [
      'mode: nat, ipv4: 10.10.10.0/24, dhcp: { range: 10.10.10.1-10.10.10.9 }',
      [
        '3:57 spec/gateway-address-taken: the range 10.10.10.1-10.10.10.9 of network web holds the address of the gateway, 10.10.10.1 | leave it out of the range, or give the gateway another address with ipv4: { subnet, gateway }',
      ],
    ],
    [
      'mode: nat, dhcp: { range: 10.10.10.2-10.10.10.9 }',
      [
        '3:36 spec/address-without-subnet: network web has a range for DHCP and chooses its subnet itself | write the subnet too, as ipv4: ADDRESS/PREFIX on the network',
      ],
    ],
    [
      'mode: nat, ipv4: false, dhcp: true',
      [
        '3:40 spec/dhcp-without-ipv4: network web has DHCP without IPv4 | write ipv4: auto on the network, or dhcp: false',
      ],
    ],
    [
      'mode: nat, ipv4: false, ipv6: false',
      [
        '3:3 spec/network-without-addresses: network web is nat and has neither IPv4 nor IPv6 | write ipv4: auto or ipv6: auto, or mode: isolated',
      ],
    ],
    [
      'mode: isolated, dns: true',
      [
        '3:31 spec/dns-without-addresses: network web resolves names and has no addresses | write dhcp: true or a subnet on the network, or remove dns',
      ],
    ],
    [
      'mode: nat, mtu: 1000',
      [
        '3:26 spec/mtu-below-ipv6: network web has an MTU of 1000, IPv6 needs 1280 | write mtu: 1280 or more, or ipv6: false',
      ],
    ],
    ['mode: nat, mtu: 1000, ipv6: false', []],
  ])('{ %s }', (keys, expected) => expect(network(keys)).toEqual(expected));

  test('overlapping subnets are told at the later of the two', () => {
    const text = `project: shop
networks:
  b: { mode: nat, ipv4: 10.1.4.0/24 }
  a: { mode: nat, ipv4: 10.1.0.0/16 }
  c: { mode: nat, ipv4: { subnet: 10.1.4.128/25 }, ipv6: fd00::/64 }
  d: { mode: isolated, ipv6: fd00::/64 }
  e: { mode: nat, ipv4: 10.2.0.0/16 }
`;
    const fix4 = 'choose another subnet for one of them, or write ipv4: auto';
    expect(told(text)).toEqual([
      `4:25 spec/subnets-overlap: 10.1.0.0/16 of network a overlaps 10.1.4.0/24 of network b (line 3) | ${fix4}`,
      `5:25 spec/subnets-overlap: 10.1.4.128/25 of network c overlaps 10.1.0.0/16 of network a (line 4) | ${fix4}`,
      '6:30 spec/subnets-overlap: fd00::/64 of network d overlaps fd00::/64 of network c (line 5) | choose another subnet for one of them, or write ipv6: auto',
    ]);
  });
});
