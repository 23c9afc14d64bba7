import ipaddr from 'ipaddr.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAddress,
  formatIpv4,
  formatIpv6,
  ipv6Equals,
  ipv6FromBigInt,
  ipv6Key,
  ipv6OfKey,
  ipv6ToBigInt,
  parseAddress,
  parseIpv4,
  parseIpv6,
} from './address.js';

const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

describe('addresses', () => {
  it('keep through text and numbers', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), ipv6, (v4, v6) => {
        expect(parseIpv4(formatIpv4(v4))).toBe(v4);
        expect(parseIpv6(formatIpv6(v6))).toEqual(v6);
        expect(ipv6FromBigInt(ipv6ToBigInt(v6))).toEqual(v6);
        for (const text of [formatIpv4(v4), formatIpv6(v6)]) {
          expect(formatAddress(parseAddress(text)!)).toBe(text);
        }
      }),
    );
  });

  it('are written as RFC 5952 says', () => {
    const cases = [
      ['2001:0db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['2001:DB8:0:0:0:0:2:1', '2001:db8::2:1'],
      ['0:0:0:0:0:0:0:0', '::'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['fe80:0:0:0:0:0:0:0', 'fe80::'],
      ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
      ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ];
    for (const [text, canonical] of cases) expect(formatIpv6(parseIpv6(text!)!)).toBe(canonical);
  });

  it('agree with ipaddr.js on RFC 5952 text', () => {
    fc.assert(
      fc.property(ipv6, (bytes) => {
        const peer = new ipaddr.IPv6([...bytes]);
        fc.pre(!peer.isIPv4MappedAddress());
        expect(formatIpv6(bytes)).toBe(peer.toRFC5952String());
      }),
    );
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '0x7f.1',
    '1.2.3.4 ',
    '::1%eth0',
    ':::',
    'g::1',
  ])('refuse %s', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('compare and key by their bytes', () => {
    fc.assert(
      fc.property(ipv6, ipv6, (a, b) => {
        const same = ipv6ToBigInt(a) === ipv6ToBigInt(b);
        const bytes = Buffer.concat([Buffer.alloc(3), a, b]);
        expect(ipv6Equals(bytes, 3, b)).toBe(same);
        expect(ipv6Equals(bytes, 3, bytes, 3)).toBe(true);
        expect(ipv6Key(bytes, 3) === ipv6Key(bytes, 19)).toBe(same);
        expect(ipv6OfKey(ipv6Key(bytes, 3))).toEqual(a);
      }),
    );
  });
});
