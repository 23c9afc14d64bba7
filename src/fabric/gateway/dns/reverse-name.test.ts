import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../wire/address.js';
import { formatCidr, parseCidr } from '../../../wire/cidr.js';
import { reverseBlockOf, reverseNameOf, reverseZoneOf } from './reverse-name.js';

const block = (name: string) => {
  const found = reverseBlockOf(name);
  return found === undefined ? undefined : formatCidr(found);
};

describe('reverse names', () => {
  it('are those of RFC 1035 and 3596', () => {
    expect(reverseNameOf('10.2.0.52')).toBe('52.0.2.10.in-addr.arpa');
    expect(reverseNameOf('4321:0:1:2:3:4:567:89ab')).toBe(
      'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa',
    );
  });

  it('lead back to every address', () => {
    const address = fc.oneof(
      fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => formatAddress({ family: 4, value })),
      fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => formatAddress({ family: 6, value })),
    );
    fc.assert(
      fc.property(address, (text) => {
        const found = reverseBlockOf(reverseNameOf(text));
        expect(found?.prefixLength).toBe(found?.family === 4 ? 32 : 128);
        expect({ family: found?.family, value: found?.first }).toEqual(parseAddress(text));
      }),
    );
  });

  it('cut short stand for a block', () => {
    expect(block('10.10.in-addr.arpa')).toBe('10.10.0.0/16');
    expect(block('1.0.d.f.ip6.arpa')).toBe('fd01::/16');
  });

  it.each([
    'in-addr.arpa',
    '256.in-addr.arpa',
    '01.in-addr.arpa',
    '1.2.3.4.5.in-addr.arpa',
    'a.in-addr.arpa',
  ])('%s is none', (name) => expect(reverseBlockOf(name)).toBeUndefined());
  it.each([
    '10.ip6.arpa',
    'g.ip6.arpa',
    `${'0.'.repeat(33)}ip6.arpa`,
    '0/25.1.10.in-addr.arpa',
    'x.example',
    '',
  ])('%s is none', (name) => expect(reverseBlockOf(name)).toBeUndefined());

  it('belong to the zone of their subnet', () => {
    const zone = (name: string, subnet: string) => {
      const parsed = parseCidr(subnet);
      return parsed === undefined ? undefined : reverseZoneOf(name, parsed.block);
    };
    expect(zone('11.10.10.10.in-addr.arpa', '10.10.10.0/24')).toBe('10.10.10.in-addr.arpa');
    expect(zone('11.17.10.10.in-addr.arpa', '10.10.16.0/20')).toBe('17.10.10.in-addr.arpa');
    expect(zone(reverseNameOf('fd00::1'), 'fd00::/64')).toBe('0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa');
  });
});
