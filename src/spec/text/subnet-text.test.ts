import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCidr } from '../../wire/cidr.js';
import { formatRange } from '../address/ranges.js';
import { parseAddressRange, parseHostAddress, parsePublicAddress, parseSubnet } from './subnet-text.js';

function subnet(text: string, family: 4 | 6): string {
  const result = parseSubnet(text, family);
  return 'value' in result
    ? `ok ${formatCidr(result.value)}`
    : `${result.fault.code}: ${result.fault.message} | ${result.fault.fix}`;
}

describe('subnets', () => {
  test.each([
    ['10.10.10.0/24', 4, 'ok 10.10.10.0/24'],
    ['10.0.0.0/8', 4, 'ok 10.0.0.0/8'],
    ['198.51.100.8/30', 4, 'ok 198.51.100.8/30'],
    ['fd00:10:10::/64', 6, 'ok fd00:10:10::/64'],
    ['FD00:0:0:1:0::/64', 6, 'ok fd00:0:0:1::/64'],
    [
      '10.10.10.5/24',
      4,
      'spec/host-bits-set: 10.10.10.5/24 is an address inside its subnet | write 10.10.10.0/24',
    ],
    ['fd00::1/64', 6, 'spec/host-bits-set: fd00::1/64 is an address inside its subnet | write fd00::/64'],
    [
      '10.10.10.0',
      4,
      'spec/bad-cidr: "10.10.10.0" is not a subnet: the prefix length is missing | write ADDRESS/PREFIX, for example 10.10.10.0/24',
    ],
    [
      '10.10.10.0/33',
      4,
      'spec/bad-cidr: "10.10.10.0/33" is not a subnet | write ADDRESS/PREFIX, for example 10.10.10.0/24',
    ],
    [
      '10.10.10.0/255.255.255.0',
      4,
      'spec/bad-cidr: "10.10.10.0/255.255.255.0" is not a subnet | write ADDRESS/PREFIX, for example 10.10.10.0/24',
    ],
    [
      '10.10.010.0/24',
      4,
      'spec/bad-cidr: "10.10.010.0/24" is not a subnet | write ADDRESS/PREFIX, for example 10.10.10.0/24',
    ],
    ['atuo', 4, 'spec/bad-cidr: "atuo" is not a subnet | write ADDRESS/PREFIX, for example 10.10.10.0/24'],
    ['fd00::/64', 4, 'spec/bad-cidr: fd00::/64 is IPv6, not IPv4 | write one such as 10.10.10.0/24'],
    [
      '10.10.10.0/31',
      4,
      'spec/bad-cidr: 10.10.10.0/31 has no room for a gateway and a machine | write a prefix length from /8 to /30, for example /24',
    ],
    [
      '0.0.0.0/0',
      4,
      'spec/bad-cidr: 0.0.0.0/0 takes in more than the network could be | write a prefix length from /8 to /30, for example /24',
    ],
    [
      '127.0.0.0/8',
      4,
      'spec/bad-cidr: 127.0.0.0/8 lies in 127.0.0.0/8, which is not for machines | write a private subnet such as 10.10.10.0/24',
    ],
    [
      '239.1.0.0/16',
      4,
      'spec/bad-cidr: 239.1.0.0/16 lies in 224.0.0.0/4, which is not for machines | write a private subnet such as 10.10.10.0/24',
    ],
    [
      'fd00::/48',
      6,
      'spec/bad-cidr: fd00::/48 is a /48, machines form their own addresses in a /64 | write fd00::/64',
    ],
    [
      'fe80::/64',
      6,
      'spec/bad-cidr: fe80::/64 lies in fe80::/10, which is not for machines | write a private subnet such as fd00:10:10::/64',
    ],
  ] as const)('%s as IPv%i', (text, family, expected) => expect(subnet(text, family)).toBe(expected));

  test('the subnet that is proposed for an address with host bits is accepted', () => {
    fc.assert(
      fc.property(
        fc.bigInt(2n ** 24n, 2n ** 32n - 1n),
        fc.integer({ min: 8, max: 30 }),
        (value, prefixLength) => {
          const octets = [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n);
          const result = parseSubnet(`${octets.join('.')}/${prefixLength}`, 4);
          if ('value' in result || result.fault.code !== 'spec/host-bits-set') return;
          const proposed = parseSubnet(result.fault.fix?.replace('write ', '') ?? '', 4);
          if ('fault' in proposed) expect(proposed.fault.message).toContain('is not for machines');
        },
      ),
    );
  });

  test('any text gives a subnet or a fault', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789./:fd '.split('')) }),
        fc.constantFrom(4, 6),
        (text, family) => {
          const result = parseSubnet(text, family);
          if ('value' in result) expect(result.value.family).toBe(family);
          else expect(result.fault.fix).toBeTruthy();
        },
      ),
    );
  });
});

describe('lone addresses', () => {
  test.each([
    ['10.10.10.11/24', 4, '10.10.10.11/24 has a prefix length, the network knows it | write 10.10.10.11'],
    ['fd00::1', 4, 'fd00::1 is IPv6, not IPv4 | write one such as 10.10.10.11'],
    ['10.10.10.11', 6, '10.10.10.11 is IPv4, not IPv6 | write one such as fd00:10:10::11'],
    ['10.10.10.256', 4, '"10.10.10.256" is not an IPv4 address | write one such as 10.10.10.11'],
    ['localhost', undefined, '"localhost" is not an IP address | write one such as 10.10.10.11'],
  ] as const)('%s', (text, family, expected) => {
    const result = parseHostAddress(text, family);
    expect('fault' in result && `${result.fault.message} | ${result.fault.fix}`).toBe(expected);
  });
});

describe('ranges of addresses', () => {
  test('first and last', () => {
    const result = parseAddressRange('10.10.10.100 - 10.10.10.199');
    expect('value' in result && formatRange(result.value, 4)).toBe('10.10.10.100-10.10.10.199');
  });

  test.each([
    ['10.10.10.9-10.10.10.3', 'the range 10.10.10.9-10.10.10.3 runs backwards | write 10.10.10.3-10.10.10.9'],
    [
      '10.10.10.9',
      '"10.10.10.9" is not a range of IPv4 addresses | write FIRST-LAST, for example 10.10.10.100-10.10.10.199',
    ],
    [
      'fd00::1-fd00::9',
      '"fd00::1-fd00::9" is not a range of IPv4 addresses | write FIRST-LAST, for example 10.10.10.100-10.10.10.199',
    ],
    [
      '100-199',
      '"100-199" is not a range of IPv4 addresses | write FIRST-LAST, for example 10.10.10.100-10.10.10.199',
    ],
  ])('%s is refused', (text, expected) => {
    const result = parseAddressRange(text);
    expect('fault' in result && `${result.fault.message} | ${result.fault.fix}`).toBe(expected);
  });
});

describe('public addresses', () => {
  test.each([
    ['192.0.2.70', 4],
    ['10.9.9.9', 4],
    ['2001:db8::70', 6],
    ['fd00::70', 6],
    ['192.0.2.70', undefined],
    ['2001:db8::70', undefined],
  ] as const)('%s may be one', (text, family) => {
    expect(parsePublicAddress(text, family)).toHaveProperty('value');
  });
  test.each([
    ['0.0.0.0', 4],
    ['127.0.0.1', 4],
    ['169.254.169.254', 4],
    ['224.0.0.1', 4],
    ['255.255.255.255', 4],
    ['::', 6],
    ['::1', 6],
    ['fe80::1', 6],
    ['ff02::1', 6],
    ['::ffff:192.0.2.70', 6],
    ['2001:db8::70', 4],
    ['192.0.2.0/24', undefined],
  ] as const)('%s is none', (text, family) => {
    expect(parsePublicAddress(text, family)).toMatchObject({ fault: { code: 'spec/bad-address' } });
  });
});
