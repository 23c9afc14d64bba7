import { describe, expect, test } from 'vitest';
import { HEAD, told } from '../../../test/spec/told.js';

describe('NICs', () => {
  const nics = (...list: string[]) =>
    told(`${HEAD}machines:\n  web1:\n    nics:\n${list.map((nic) => `      - ${nic}\n`).join('')}`);
  test.each([
    [
      '{ network: wbe }',
      '9:20 spec/unknown-network: web1 is plugged into "wbe", and there is no such network | did you mean "web"?',
    ],
    [
      '{ network: office }',
      '9:20 spec/unknown-network: web1 is plugged into "office", and there is no such network | write web, back or lan, or declare it under networks:',
    ],
    [
      '{ network: web, ipv4: 10.10.30.11 }',
      '9:31 spec/address-outside-subnet: 10.10.30.11 of web1 is outside 10.10.10.0/24 of network web | write one such as 10.10.10.11',
    ],
    [
      '{ network: web, ipv4: 10.10.10.0 }',
      '9:31 spec/reserved-address: 10.10.10.0 of web1 is the network address of 10.10.10.0/24 of network web | write one such as 10.10.10.2',
    ],
    [
      '{ network: web, ipv4: 10.10.10.255 }',
      '9:31 spec/reserved-address: 10.10.10.255 of web1 is the broadcast address of 10.10.10.0/24 of network web | write one such as 10.10.10.2',
    ],
    [
      '{ network: web, ipv4: 10.10.10.1 }',
      '9:31 spec/gateway-address-taken: 10.10.10.1 of web1 is the address of the gateway of network web | write one such as 10.10.10.2, or give the gateway another with ipv4: { subnet, gateway }',
    ],
    [
      '{ network: web, ipv6: "fd00:10:10::1" }',
      '9:31 spec/gateway-address-taken: fd00:10:10::1 of web1 is the address of the gateway of network web | write one such as fd00:10:10::2, or give the gateway another with ipv4: { subnet, gateway }',
    ],
    [
      '{ network: web, ipv6: "fd00:10:10::" }',
      '9:31 spec/reserved-address: fd00:10:10:: of web1 is the network address of fd00:10:10::/64 of network web | write one such as fd00:10:10::2',
    ],
    [
      '{ network: web, ipv6: "fd00:10:11::5" }',
      '9:31 spec/address-outside-subnet: fd00:10:11::5 of web1 is outside fd00:10:10::/64 of network web | write one such as fd00:10:10::5',
    ],
    [
      '{ network: back, ipv6: "fd00:10:11::5" }',
      '9:32 spec/address-without-subnet: fd00:10:11::5 of web1 is fixed, and network back has no IPv6 | write ipv6: fd00:10:11::/64 on network back',
    ],
    [
      '{ network: web, mac: "01:00:5e:00:00:01" }',
      '9:30 spec/bad-mac: machines.web1.nics[0].mac: 01:00:5e:00:00:01 is a multicast address (the first octet is odd), which no NIC may have | write a unicast address such as "00:00:5e:00:00:01"',
    ],
    [
      '{ network: web, mac: 52:54:00 }',
      '9:30 spec/bad-mac: machines.web1.nics[0].mac: "52:54:00" is not a MAC address | write six octets such as "52:54:00:aa:bb:01"',
    ],
    [
      '{ network: web, ipv4: 10.10.10.11/24 }',
      '9:31 spec/bad-address: machines.web1.nics[0].ipv4: 10.10.10.11/24 has a prefix length, the network knows it | write 10.10.10.11',
    ],
  ])('%s', (nic, expected) => expect(nics(nic)).toEqual([expected]));

  test('on a bridge network the LAN knows which addresses there are', () => {
    expect(nics('{ network: lan, ipv4: 192.168.1.7 }')).toEqual([]);
  });

  test('a fixed address wants a fixed subnet', () => {
    const text =
      'project: shop\nnetworks: { web: { mode: nat } }\nmachines: { web1: { nics: [{ network: web, ipv4: 10.1.2.3 }] } }\n';
    expect(told(text)).toEqual([
      '3:50 spec/address-without-subnet: 10.1.2.3 of web1 is fixed, and network web chooses its subnet itself | write ipv4: 10.1.2.0/24 on network web',
    ]);
  });

  test('addresses and MACs that two NICs have', () => {
    const same = '{ network: web, ipv4: 10.10.10.11, ipv6: "fd00:10:10::b", mac: "52:54:00:AA:bb:01" }';
    expect(
      nics(same, same, '{ network: back, mac: "52:54:00:aa:bb:01" }', '{ network: back, ipv4: 10.10.20.11 }'),
    ).toEqual([
      '10:31 spec/duplicate-address: 10.10.10.11 of web1 is already the address of web1 (line 9) | give one of them another address, or remove it and one is derived',
      '10:50 spec/duplicate-address: fd00:10:10::b of web1 is already the address of web1 (line 9) | give one of them another address, or remove it and one is derived',
      '10:72 spec/duplicate-mac: 52:54:00:aa:bb:01 of web1 is already the MAC address of web1 (line 9) | change one of them, or remove it and one is derived',
      '11:31 spec/duplicate-mac: 52:54:00:aa:bb:01 of web1 is already the MAC address of web1 (line 9) | change one of them, or remove it and one is derived',
    ]);
  });
});
