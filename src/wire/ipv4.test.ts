import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DONT_FRAGMENT,
  IPV4_HEADER_BYTES,
  MORE_FRAGMENTS,
  decrementTtl,
  isFragment,
  readIpv4Header,
  setIpv4Checksum,
  writeIpv4Header,
} from './ipv4.js';

const fields = fc.record({
  payloadBytes: fc.nat(100),
  protocol: fc.nat(255),
  source: fc.nat(0xffff_ffff),
  destination: fc.nat(0xffff_ffff),
  ttl: fc.integer({ min: 1, max: 255 }),
  identification: fc.nat(0xffff),
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentUnits: fc.nat(0x1fff),
  trafficClass: fc.nat(255),
});
type Fields = typeof fields extends fc.Arbitrary<infer Value> ? Value : never;

function packetOf(value: Fields, offset = 0): Buffer {
  const bytes = Buffer.alloc(offset + IPV4_HEADER_BYTES + value.payloadBytes, 0x5a);
  const flags = (value.dontFragment ? DONT_FRAGMENT : 0) | (value.moreFragments ? MORE_FRAGMENTS : 0);
  writeIpv4Header(
    bytes,
    offset,
    bytes.length - offset,
    value.protocol,
    value.source,
    value.destination,
    value.ttl,
    value.identification,
    flags | value.fragmentUnits,
    value.trafficClass,
  );
  return bytes;
}

describe('IPv4 header', () => {
  it('keeps through bytes', () => {
    fc.assert(
      fc.property(fields, fc.nat(9), (value, offset) => {
        const bytes = packetOf(value, offset);
        const header = readIpv4Header(bytes, offset, bytes.length)!;
        const { payloadBytes, fragmentUnits, ...same } = value;
        expect(header).toEqual({
          ...same,
          headerBytes: IPV4_HEADER_BYTES,
          totalBytes: IPV4_HEADER_BYTES + payloadBytes,
          fragmentOffsetBytes: fragmentUnits * 8,
        });
        expect(isFragment(header)).toBe(value.moreFragments || fragmentUnits > 0);
      }),
    );
  });

  it('is refused with any single bit of it flipped', () => {
    fc.assert(
      fc.property(fields, fc.nat(IPV4_HEADER_BYTES * 8 - 1), (value, bit) => {
        const bytes = packetOf(value);
        bytes[bit >>> 3]! ^= 1 << (bit & 7);
        expect(readIpv4Header(bytes, 0, bytes.length)).toBeUndefined();
      }),
    );
  });

  it('is refused when lengths do not fit', () => {
    const sized = (totalBytes: number, headerWords = 5): Buffer => {
      const bytes = Buffer.alloc(40);
      writeIpv4Header(bytes, 0, totalBytes, 17, 1, 2);
      bytes[0] = 0x40 | headerWords;
      if (headerWords >= 5) setIpv4Checksum(bytes, 0);
      return bytes;
    };
    expect(readIpv4Header(sized(40), 0, 40)).toBeDefined();
    expect(readIpv4Header(sized(40), 0, 39)).toBeUndefined();
    expect(readIpv4Header(sized(40), 0, 41)).toBeUndefined();
    expect(readIpv4Header(sized(19), 0, 40)).toBeUndefined();
    expect(readIpv4Header(sized(40, 4), 0, 40)).toBeUndefined();
    expect(readIpv4Header(sized(20, 6), 0, 40)).toBeUndefined();
    expect(readIpv4Header(sized(24, 6), 0, 40)?.headerBytes).toBe(24);
  });

  it('stays right when the TTL counts down', () => {
    fc.assert(
      fc.property(fields, (value) => {
        const bytes = packetOf(value);
        decrementTtl(bytes, 0);
        expect(readIpv4Header(bytes, 0, bytes.length)?.ttl).toBe(value.ttl - 1);
      }),
    );
  });
});
