import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BROADCAST_MAC,
  formatMac,
  isMulticastMac,
  parseMac,
  readEthernetHeader,
  writeEthernetHeader,
} from './ethernet.js';

const mac = fc.maxSafeNat().map((value) => value % (BROADCAST_MAC + 1));

describe('ethernet', () => {
  it('keeps MACs through text', () => {
    fc.assert(
      fc.property(mac, (value) => {
        expect(parseMac(formatMac(value))).toBe(value);
      }),
    );
    expect(parseMac('52:54:00:AA:bb:01')).toBe(0x5254_00aa_bb01);
    expect(parseMac('52-54-00-aa-bb-01')).toBe(0x5254_00aa_bb01);
    expect(formatMac(0x0000_0000_0a01)).toBe('00:00:00:00:0a:01');
  });

  it.each(['', '52:54:00:aa:bb', '52:54:00:aa:bb:01:02', '52:54:00:aa:bb:0g', '525400aabb01'])(
    'refuses %s',
    (text) => {
      expect(parseMac(text)).toBeUndefined();
    },
  );

  it('keeps headers through bytes', () => {
    fc.assert(
      fc.property(mac, mac, fc.nat(0xffff), fc.nat(9), (destination, source, etherType, offset) => {
        const bytes = Buffer.alloc(24);
        const payloadOffset = writeEthernetHeader(bytes, offset, destination, source, etherType);
        expect(readEthernetHeader(bytes, offset, 24)).toEqual({
          destination,
          source,
          etherType,
          payloadOffset,
        });
      }),
    );
  });

  it('knows groups by their first bit', () => {
    expect(isMulticastMac(BROADCAST_MAC)).toBe(true);
    expect(isMulticastMac(0x0100_5e00_0001)).toBe(true);
    expect(isMulticastMac(0x5254_00aa_bb01)).toBe(false);
  });
});
