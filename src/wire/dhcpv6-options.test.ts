import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Dhcpv6OptionCode,
  Dhcpv6Status,
  decodeIaAddress,
  decodeIaNa,
  decodeOptionRequest,
  duidOfMac,
  encodeIaAddress,
  encodeIaNa,
  encodeStatus,
  macOfDuid,
  statusOf,
} from './dhcpv6-options.js';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const iaAddress = fc.record({
  address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  preferredSeconds: uint32,
  validSeconds: uint32,
});

describe('identity associations', () => {
  it('read back what they wrote', () => {
    const ia = fc.record({
      iaid: uint32,
      renewSeconds: uint32,
      rebindSeconds: uint32,
      options: fc.array(iaAddress.map(encodeIaAddress), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(ia, iaAddress, (association, address) => {
        expect(decodeIaNa(encodeIaNa(association).value)).toEqual(association);
        expect(decodeIaAddress(encodeIaAddress(address).value)).toEqual(address);
      }),
    );
  });

  it('refuse what is cut short', () => {
    expect(decodeIaNa(Buffer.alloc(11))).toBeUndefined();
    expect(decodeIaNa(Buffer.alloc(13))).toBeUndefined();
    expect(decodeIaAddress(Buffer.alloc(23))).toBeUndefined();
  });
});

describe('the rest', () => {
  it('finds a status among options', () => {
    const status = encodeStatus(Dhcpv6Status.noBinding, 'nothing');
    expect(status.value.toString('latin1')).toBe('\0\x03nothing');
    expect(statusOf([{ code: Dhcpv6OptionCode.rapidCommit, value: Buffer.alloc(0) }, status])).toBe(3);
    expect(statusOf([])).toBeUndefined();
  });

  it('reads option requests', () => {
    expect(decodeOptionRequest(Buffer.from([0, 23, 0, 24, 1]))).toEqual([23, 24]);
  });

  it('finds the MAC in a DUID-LL and a DUID-LLT, and in no other', () => {
    const mac = 0x525400aabb01;
    expect(duidOfMac(mac).toString('hex')).toBe('00030001525400aabb01');
    expect(macOfDuid(duidOfMac(mac))).toBe(mac);
    expect(macOfDuid(Buffer.from('000100012f0c1a2b525400aabb01', 'hex'))).toBe(mac);
    for (const hex of [
      '',
      '0003',
      '00020001525400aabb01',
      '00030020525400aabb01',
      '00030001525400aabb0102',
    ]) {
      expect(macOfDuid(Buffer.from(hex, 'hex'))).toBeUndefined();
    }
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const value = Buffer.from(bytes);
        decodeIaNa(value);
        decodeIaAddress(value);
        decodeOptionRequest(value);
        macOfDuid(value);
        statusOf([{ code: 13, value }]);
      }),
      { numRuns: 2000, seed: 8415 },
    );
  });
});
