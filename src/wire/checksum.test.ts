import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checksum,
  partialSum,
  pseudoHeaderSumIpv4,
  pseudoHeaderSumIpv6,
  updateChecksum,
} from './checksum.js';

/** RFC 1071 as written: add big-endian words, carry around at every step. */
function plainChecksum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  for (let position = start; position < end; position += 2) {
    sum += bytes[position]! * 256 + (position + 1 < end ? bytes[position + 1]! : 0);
    if (sum > 0xffff) sum = (sum % 0x10000) + 1;
  }
  return 0xffff - sum;
}

describe('checksum', () => {
  it('gives the example of RFC 1071 section 3', () => {
    const bytes = Buffer.from('0001f203f4f5f6f7', 'hex');
    expect(checksum(bytes, 0, 8)).toBe(~0xddf2 & 0xffff);
  });

  it('agrees with a plain sum for every range and alignment', () => {
    const range = fc.record({
      bytes: fc.uint8Array({ minLength: 0, maxLength: 1200 }),
      lead: fc.nat(7),
      skip: fc.nat(20),
      initial: fc.nat(0x7fff_ffff),
    });
    fc.assert(
      fc.property(range, ({ bytes, lead, skip, initial }) => {
        const backing = new Uint8Array(lead + bytes.length);
        backing.set(bytes, lead);
        const view = Buffer.from(backing.buffer, lead, bytes.length);
        const start = Math.min(skip, bytes.length);
        expect(checksum(view, start, view.length, initial)).toBe(
          plainChecksum(view, start, view.length, initial),
        );
      }),
      { numRuns: 1500 },
    );
  });

  it.each([131_064, 131_065, 300_001])('does not overflow on %i bytes of 0xff', (size) => {
    const bytes = Buffer.alloc(size + 3, 0xff);
    for (const start of [0, 1, 2, 3]) {
      expect(checksum(bytes, start, start + size)).toBe(plainChecksum(bytes, start, start + size));
    }
  });

  it('is chained over ranges of even length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(200), (bytes, half) => {
        const split = Math.min(half * 2, bytes.length & ~1);
        const chained = checksum(bytes, split, bytes.length, partialSum(bytes, 0, split));
        expect(chained).toBe(plainChecksum(bytes, 0, bytes.length));
      }),
    );
  });

  it('covers pseudo-headers as if they stood before the data', () => {
    const ipv4 = Buffer.from('c0a80001c0a800c700110014', 'hex');
    expect(checksum(ipv4, 0, 0, pseudoHeaderSumIpv4(0xc0a80001, 0xc0a800c7, 17, 20))).toBe(
      plainChecksum(ipv4, 0, ipv4.length),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), fc.nat(65_535), (header, lengthBytes) => {
        const pseudo = Buffer.alloc(40);
        pseudo.set(header.subarray(8, 40), 0);
        pseudo.writeUInt32BE(lengthBytes, 32);
        pseudo[39] = 58;
        expect(checksum(header, 0, 0, pseudoHeaderSumIpv6(header, 0, 58, lengthBytes))).toBe(
          plainChecksum(pseudo, 0, 40),
        );
      }),
    );
  });

  it('is mended incrementally to what a full computation gives', () => {
    const word = fc.nat(0xffff);
    fc.assert(
      fc.property(fc.array(word, { minLength: 2, maxLength: 20 }), word, (words, replacement) => {
        const before = Buffer.alloc(words.length * 2);
        for (const [index, value] of words.entries()) before.writeUInt16BE(value, index * 2);
        // A header is never all zeros; the two representations of zero are told apart by that (RFC 1624 section 3).
        fc.pre(words.slice(1).some((value) => value !== 0));
        const after = Buffer.from(before);
        after.writeUInt16BE(replacement, 0);
        expect(updateChecksum(checksum(before, 0, before.length), words[0]!, replacement)).toBe(
          checksum(after, 0, after.length),
        );
      }),
    );
  });
});
