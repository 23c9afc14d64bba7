import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDomainNames, encodeDomainName } from './domain-name.js';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const name = fc.array(label, { maxLength: 6 }).map((labels) => labels.join('.'));

describe('domain names', () => {
  it('reads back every list it wrote', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 8 }), (names) => {
        expect(decodeDomainNames(Buffer.concat(names.map(encodeDomainName)))).toEqual(names);
      }),
    );
  });

  it('reads the compressed example of RFC 3397 section 3', () => {
    const bytes = Buffer.from('\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04', 'latin1');
    expect(decodeDomainNames(bytes)).toEqual(['eng.apple.com', 'marketing.apple.com']);
  });

  it('drops the final dot', () => {
    expect(encodeDomainName('a.b.')).toEqual(encodeDomainName('a.b'));
    expect(encodeDomainName('')).toEqual(Buffer.from([0]));
  });

  it.each([
    ['a pointer to itself', Buffer.from([0xc0, 0x00])],
    ['a pointer forwards', Buffer.from([0xc0, 0x02, 0x00])],
    ['two pointers in a ring', Buffer.from([1, 0x61, 0xc0, 0x04, 0xc0, 0x00])],
    ['a label past the end', Buffer.from([5, 0x61])],
    ['no end', Buffer.from([1, 0x61])],
    ['half a pointer', Buffer.from([0xc0])],
    ['a reserved label type', Buffer.from([0x80, 0x61, 0])],
    ['a dot inside a label', Buffer.from('\x03a.b\x00', 'latin1')],
    [
      'more than 255 bytes',
      Buffer.concat([Buffer.from(`\x3f${'a'.repeat(63)}`.repeat(4)), Buffer.from([0])]),
    ],
    ['more names than anyone wants', Buffer.alloc(1000)],
  ])('refuses %s', (_what, bytes) => {
    expect(decodeDomainNames(bytes)).toBeUndefined();
  });

  it('refuses to write what is no name', () => {
    expect(() => encodeDomainName(`${'a'.repeat(64)}.b`)).toThrow(RangeError);
    expect(() => encodeDomainName(Array(130).fill('a').join('.'))).toThrow(RangeError);
    expect(() => encodeDomainName('a..b')).toThrow(RangeError);
    expect(() => encodeDomainName('é.b')).toThrow(RangeError);
  });

  it('never throws on any bytes, and what it reads it can write', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const text of decodeDomainNames(Buffer.from(bytes)) ?? []) encodeDomainName(text);
      }),
      { numRuns: 2000, seed: 1035 },
    );
  });
});
