import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fuzz } from '../../test/fuzz/fuzz.js';
import { MAX_VNI, readVni, VXLAN_HEADER_BYTES, writeVxlanHeader } from './vxlan.js';

it('stands as RFC 7348 draws it', () => {
  const bytes = Buffer.alloc(VXLAN_HEADER_BYTES, 0xff);
  expect(writeVxlanHeader(bytes, 0, 0x12_3456)).toBe(8);
  expect(bytes.toString('hex')).toBe('0800000012345600');
});

it('gives back the identifier that was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_VNI }), (vni) => {
      const bytes = Buffer.alloc(20);
      writeVxlanHeader(bytes, 4, vni);
      expect(readVni(bytes, 4, 20)).toBe(vni);
    }),
  );
});

it('wants the I flag and ignores the reserved bits (RFC 7348 section 5)', () => {
  expect(readVni(Buffer.from('0000000012345600', 'hex'), 0, 8)).toBeUndefined();
  expect(readVni(Buffer.from('ffabcdef000007ff', 'hex'), 0, 8)).toBe(7);
});

fuzz('reads nothing outside of the range', [1], (seed) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.nat(12), (bytes, start) => {
      const vni = readVni(Buffer.from(bytes), start, bytes.length);
      expect(vni === undefined || bytes.length - start >= VXLAN_HEADER_BYTES).toBe(true);
    }),
    { seed, numRuns: 1000 },
  );
});
