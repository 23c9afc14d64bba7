import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dhcpv6Message, decodeDhcpv6, encodeDhcpv6 } from './dhcpv6.js';

const bufferOf = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const message: fc.Arbitrary<Dhcpv6Message> = fc.record({
  type: fc.integer({ min: 0, max: 255 }).filter((type) => type !== 12 && type !== 13),
  transactionId: fc.integer({ min: 0, max: 0xffffff }),
  options: fc.array(fc.record({ code: fc.integer({ min: 0, max: 0xffff }), value: bufferOf(80) }), {
    maxLength: 8,
  }),
});

describe('dhcpv6 codec', () => {
  it('reads back every message it wrote', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeDhcpv6(encodeDhcpv6(value))).toEqual(value);
      }),
    );
  });

  it('writes the bytes of RFC 8415 section 8', () => {
    const bytes = encodeDhcpv6({
      type: 1,
      transactionId: 0x10_08_74,
      options: [
        { code: 8, value: Buffer.from([0, 0]) },
        { code: 14, value: Buffer.alloc(0) },
      ],
    });
    expect(bytes.toString('hex')).toBe('01100874000800020000000e0000');
  });

  it('refuses relayed messages and options that run past the end', () => {
    expect(decodeDhcpv6(Buffer.from([1, 0, 0]))).toBeUndefined();
    expect(decodeDhcpv6(Buffer.from([12, 0, 0, 0]))).toBeUndefined();
    expect(decodeDhcpv6(Buffer.from([13, 0, 0, 0]))).toBeUndefined();
    expect(decodeDhcpv6(Buffer.from('01000000000800', 'hex'))).toBeUndefined();
    expect(decodeDhcpv6(Buffer.from('010000000008000300', 'hex'))).toBeUndefined();
    expect(decodeDhcpv6(Buffer.from([1, 0, 0, 0]))).toEqual({ type: 1, transactionId: 0, options: [] });
  });

  it('keeps no view of the bytes it read', () => {
    const bytes = encodeDhcpv6({
      type: 1,
      transactionId: 1,
      options: [{ code: 1, value: Buffer.from('ab') }],
    });
    const decoded = decodeDhcpv6(bytes);
    bytes.fill(0);
    expect(decoded?.options[0]?.value.toString()).toBe('ab');
  });

  it('never throws, and writes again what it read', () => {
    fc.assert(
      fc.property(bufferOf(200), (bytes) => {
        const decoded = decodeDhcpv6(bytes);
        if (decoded !== undefined) expect(encodeDhcpv6(decoded)).toEqual(bytes);
      }),
      { numRuns: 3000, seed: 8415 },
    );
  });
});
