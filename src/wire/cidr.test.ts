import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, ipv6FromBigInt, parseAddress } from './address.js';
import {
  type Cidr,
  addressAfter,
  cidrContains,
  cidrOf,
  cidrSize,
  cidrsOverlap,
  formatCidr,
  ipv4Broadcast,
  ipv4Mask,
  ipv6PrefixMatches,
  lastAddress,
  networkAddress,
  parseCidr,
} from './cidr.js';

const block4 = fc
  .tuple(fc.nat(0xffff_ffff), fc.nat(32))
  .map(([value, length]) => cidrOf({ family: 4, value: BigInt(value) }, length));
const value6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });

function block(text: string): Cidr {
  return parseCidr(text)!.block;
}

describe('CIDR', () => {
  it('keeps through text', () => {
    fc.assert(
      fc.property(block4, fc.tuple(value6, fc.nat(128)), (v4, [value, length]) => {
        expect(block(formatCidr(v4))).toEqual(v4);
        const v6 = cidrOf({ family: 6, value }, length);
        expect(block(formatCidr(v6))).toEqual(v6);
      }),
    );
  });

  it('has a first and a last address', () => {
    const parsed = parseCidr('10.1.2.77/20')!;
    expect(formatAddress(parsed.address)).toBe('10.1.2.77');
    expect(formatAddress(networkAddress(parsed.block))).toBe('10.1.0.0');
    expect(formatAddress(lastAddress(parsed.block))).toBe('10.1.15.255');
    expect(formatAddress(addressAfter(networkAddress(parsed.block), 256n))).toBe('10.1.1.0');
    expect(formatAddress(lastAddress(block('fd00:1::/64')))).toBe('fd00:1::ffff:ffff:ffff:ffff');
    expect(cidrSize(block('10.0.0.0/30'))).toBe(4n);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/ 8', '10.0.0.0/08', '/8', 'x/8'])(
    'refuses %s',
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  it('contains its own addresses and nothing else', () => {
    const web = block('10.10.10.0/24');
    for (const inside of ['10.10.10.0', '10.10.10.255']) {
      expect(cidrContains(web, parseAddress(inside)!)).toBe(true);
    }
    for (const outside of ['10.10.9.255', '10.10.11.0', '::a0a:a00']) {
      expect(cidrContains(web, parseAddress(outside)!)).toBe(false);
    }
  });

  it('overlaps exactly when one contains the first address of the other', () => {
    fc.assert(
      fc.property(block4, block4, (a, b) => {
        const nested = cidrContains(a, networkAddress(b)) || cidrContains(b, networkAddress(a));
        expect(cidrsOverlap(a, b)).toBe(nested);
      }),
    );
    expect(cidrsOverlap(block('0.0.0.0/0'), block('::/0'))).toBe(false);
  });

  it('has masks that agree with the bigint arithmetic', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(32), (value, length) => {
        const containing = cidrOf({ family: 4, value: BigInt(value) }, length);
        expect(BigInt((value & ipv4Mask(length)) >>> 0)).toBe(containing.first);
        expect(BigInt(ipv4Broadcast(value, length))).toBe(lastAddress(containing).value);
      }),
    );
    fc.assert(
      fc.property(value6, value6, fc.nat(128), fc.nat(128), (value, other, shared, length) => {
        const low = BigInt(128 - shared);
        const sibling = ((value >> low) << low) | (other & ((1n << low) - 1n));
        const inside = cidrContains(cidrOf({ family: 6, value }, length), { family: 6, value: sibling });
        expect(ipv6PrefixMatches(ipv6FromBigInt(sibling), 0, ipv6FromBigInt(value), length)).toBe(inside);
      }),
    );
  });
});
