import { describe, expect, test } from 'vitest';
import { told } from '../../../test/spec/told.js';

/** @param nics of web1; @param rest lines after the machines. */
function file(nics: readonly string[], rest = '', network = ''): string {
  return `project: shop
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, ipv6: "fd00:10:10::/64"${network} }
  old: { mode: nat, ipv4: 10.10.20.0/24, ipv6: false }
  open: { mode: nat, ipv4: false, ipv6: "2001:db8:5::/64", ipv6-nat: false }
  campus: { mode: routed, ipv4: 192.0.2.64/28 }
  lan: { mode: bridge }
  back: { mode: isolated }
machines:
  web1:
    nics:
${nics.map((nic) => `      - ${nic}\n`).join('')}${rest}`;
}

describe('public addresses', () => {
  test.each([
    ['{ network: web, public-ipv4: 192.0.2.90, public-ipv6: "2001:db8::90" }', []],
    [
      '{ network: campus, public-ipv4: 192.0.2.90 }',
      [
        '12:41 spec/public-address-not-here: web1/0 has the public address 192.0.2.90 on network campus, whose machines keep their own addresses outside | give the NIC that address in a subnet of the network, or write mode: nat on the network',
      ],
    ],
    [
      '{ network: lan, public-ipv4: 192.0.2.90 }',
      [
        '12:38 spec/public-address-not-here: web1/0 has the public address 192.0.2.90 on network lan, on which the LAN gives the machine its address | give it to the machine itself, or to a NIC on a nat network',
      ],
    ],
    [
      '{ network: back, public-ipv4: 192.0.2.90 }',
      [
        '12:39 spec/public-address-not-here: web1/0 has the public address 192.0.2.90 on network back, which reaches its own machines only | give it to a NIC on a nat network',
      ],
    ],
    [
      '{ network: old, public-ipv6: "2001:db8::90" }',
      [
        '12:38 spec/public-address-not-here: web1/0 has the public address 2001:db8::90 on network old, which has no IPv6 | write ipv6: auto on the network, or remove it',
      ],
    ],
    [
      '{ network: open, public-ipv6: "2001:db8::90" }',
      [
        '12:39 spec/public-address-not-here: web1/0 has the public address 2001:db8::90 on network open, whose IPv6 is not translated: its machines keep their own addresses outside | remove it, or ipv6-nat: false on the network',
      ],
    ],
    [
      '{ network: web, public-ipv4: 192.0.2.66 }',
      [
        '12:38 spec/public-address-taken: 192.0.2.66 is to be the public address of web1/0, and it lies in 192.0.2.64/28 of network campus (line 6) | write an address of the outside that nobody has',
      ],
    ],
    [
      '{ network: web, public-ipv4: 10.10.10.1 }',
      [
        '12:38 spec/public-address-taken: 10.10.10.1 is to be the public address of web1/0, and it is the gateway of network web (line 3) | write an address of the outside that nobody has',
      ],
    ],
    [
      '{ network: web, public-ipv4: 224.0.0.5 }',
      [
        "12:38 spec/bad-address: machines.web1.nics[0].public-ipv4: 224.0.0.5 lies in 224.0.0.0/4, and is nobody's address outside | write one that is led to this host, such as 192.0.2.70",
      ],
    ],
    [
      '{ network: web, public-ipv6: "fe80::1" }',
      [
        "12:38 spec/bad-address: machines.web1.nics[0].public-ipv6: fe80::1 lies in fe80::/10, and is nobody's address outside | write one that is led to this host, such as 2001:db8::70",
      ],
    ],
    [
      '{ network: web, public-ipv4: 127.0.0.1 }',
      [
        "12:38 spec/bad-address: machines.web1.nics[0].public-ipv4: 127.0.0.1 lies in 127.0.0.0/8, and is nobody's address outside | write one that is led to this host, such as 192.0.2.70",
      ],
    ],
    [
      '{ network: web, public-ipv4: "2001:db8::90" }',
      [
        '12:38 spec/bad-address: machines.web1.nics[0].public-ipv4: 2001:db8::90 is IPv6, not IPv4 | write one such as 10.10.10.11',
      ],
    ],
  ])('%s', (nic, problems) => expect(told(file([nic]))).toEqual(problems));

  test('two NICs with one, and a NIC of the LAN that has it itself', () => {
    expect(
      told(
        file([
          '{ network: web, public-ipv4: 192.0.2.90 }',
          '{ network: web, public-ipv4: 192.0.2.90 }',
          '{ network: lan, ipv4: 192.0.2.91 }',
          '{ network: web, public-ipv4: 192.0.2.91 }',
        ]),
      ),
    ).toEqual([
      '13:38 spec/duplicate-public-address: 192.0.2.90 of web1/1 is already the public address of web1/0 (line 12) | give one of them another; a service on several machines is a forward with a list as its target',
      '15:38 spec/public-address-taken: 192.0.2.91 is to be the public address of web1/3, and web1/2 has it itself (line 14) | write an address of the outside that nobody has',
    ]);
  });

  test('a host of the project, and the gateway of an uplink', () => {
    const rest = '      - { network: web, public-ipv4: 192.0.2.1 }\nhosts: { kvm1: 192.0.2.9 }\n';
    expect(
      told(
        file(
          ['{ network: web, public-ipv4: 192.0.2.9 }'],
          rest,
          ', uplink: eth1, uplink-gateway: [192.0.2.1]',
        ),
      ),
    ).toEqual(
      expect.arrayContaining([
        '12:38 spec/public-address-taken: 192.0.2.9 is to be the public address of web1/0, and the host kvm1 has it (line 14) | write an address of the outside that nobody has',
        '13:38 spec/public-address-taken: 192.0.2.1 is to be the public address of web1/1, and it is the uplink-gateway of network web (line 3) | write an address of the outside that nobody has',
      ]),
    );
  });

  test('a forward that listens on one contradicts it', () => {
    const rest = 'forwards:\n  - { listen-address: 192.0.2.90, listen-port: 80, target: web1 }\n';
    expect(told(file(['{ network: web, public-ipv4: 192.0.2.90 }'], rest))).toEqual([
      '14:23 spec/listen-on-public-address: the forward listens on 192.0.2.90, which is the public address of web1/0 (line 12): all that comes to it goes there | remove the forward, or the public address, or give one of them another',
    ]);
    expect(
      told(file(['{ network: web, public-ipv4: 192.0.2.90, forwards: ["192.0.2.90:80:80"] }']))[0],
    ).toMatch(/^12:\d+ spec\/listen-on-public-address/);
  });
});

describe('service addresses', () => {
  const services = ', service-addresses: [192.0.2.80, "2001:db8::80"]';
  const forward = 'forwards:\n  - { listen-address: 192.0.2.80, listen-port: 80, target: web1 }\n';
  test('are listened on by forwards to their network, and by no other', () => {
    expect(told(file(['{ network: web }'], forward, services))).toEqual([]);
    expect(told(file(['{ network: old }'], forward, services))).toEqual([
      '14:23 spec/service-address-elsewhere: the forward listens on 192.0.2.80, a service address of network web (line 3), and leads to network old | move the address to the service-addresses of network old, or lead the forward to web',
    ]);
  });
  test('are nobody else’s', () => {
    expect(told(file(['{ network: web, public-ipv4: 192.0.2.80 }'], '', services))).toEqual([
      '12:38 spec/duplicate-public-address: 192.0.2.80 of web1/0 is already the public address of network web (line 3) | give one of them another; a service on several machines is a forward with a list as its target',
    ]);
    expect(told(file(['{ network: web }'], '', ', service-addresses: [10.10.20.9]'))).toEqual([
      '3:87 spec/public-address-taken: 10.10.20.9 is to be the public address of network web, and it lies in 10.10.20.0/24 of network old (line 4) | write an address of the outside that nobody has',
    ]);
  });
  test('need a network with a gateway', () => {
    const text = 'project: shop\nnetworks: { back: { mode: isolated, service-addresses: [192.0.2.80] } }\n';
    expect(told(text)).toEqual([
      '2:37 spec/key-not-for-mode: network back is isolated and has the key "service-addresses" | remove it: an isolated network reaches its own machines only',
    ]);
  });
});
