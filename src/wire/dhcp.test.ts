import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOOT_REQUEST, type DhcpMessage, decodeDhcp, dhcpOptionBytes, encodeDhcp } from './dhcp.js';

const uint = (max: number) => fc.integer({ min: 0, max });
const bufferOf = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const optionCode = fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52);

const message: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom(1, 2),
  hardwareType: uint(255),
  hardwareAddress: bufferOf(16),
  hops: uint(255),
  xid: uint(0xffffffff),
  secs: uint(0xffff),
  flags: uint(0xffff),
  ciaddr: uint(0xffffffff),
  yiaddr: uint(0xffffffff),
  siaddr: uint(0xffffffff),
  giaddr: uint(0xffffffff),
  options: fc.array(fc.tuple(optionCode, bufferOf(700)), { maxLength: 8 }).map((pairs) => new Map(pairs)),
});

const plain: DhcpMessage = {
  op: BOOT_REQUEST,
  hardwareType: 1,
  hardwareAddress: Buffer.from('525400aabb01', 'hex'),
  hops: 0,
  xid: 0x01020304,
  secs: 0,
  flags: 0,
  ciaddr: 0,
  yiaddr: 0,
  siaddr: 0,
  giaddr: 0,
  options: new Map([[53, Buffer.from([1])]]),
};

describe('dhcp codec', () => {
  it('reads back every message it wrote, options in order', () => {
    fc.assert(
      fc.property(message, (value) => {
        const decoded = decodeDhcp(encodeDhcp(value));
        expect(decoded).toEqual(value);
        expect([...(decoded?.options.keys() ?? [])]).toEqual([...value.options.keys()]);
      }),
    );
  });

  it('writes the bytes of RFC 2131', () => {
    const bytes = encodeDhcp(plain);
    expect(bytes.length).toBe(300);
    expect(bytes.subarray(0, 8).toString('hex')).toBe('0101060001020304');
    expect(bytes.subarray(28, 34).toString('hex')).toBe('525400aabb01');
    expect(bytes.subarray(236, 244).toString('hex')).toBe('63825363350101ff');
  });

  it('splits values over 255 bytes and says how many bytes that takes (RFC 3396)', () => {
    const value = Buffer.alloc(600, 7);
    const bytes = encodeDhcp({ ...plain, options: new Map([[119, value]]) });
    expect(bytes.length).toBe(241 + dhcpOptionBytes(600));
    expect(bytes.subarray(240, 242)).toEqual(Buffer.from([119, 255]));
    expect(bytes.subarray(240 + 257, 240 + 259)).toEqual(Buffer.from([119, 255]));
    expect(bytes.subarray(240 + 514, 240 + 516)).toEqual(Buffer.from([119, 90]));
  });

  it('reads file, then sname, as options when overloaded, joined with their beginning', () => {
    const bytes = encodeDhcp({ ...plain, options: new Map([[12, Buffer.from('ab')]]) });
    Buffer.from([52, 1, 3, 255]).copy(bytes, 244);
    Buffer.from([12, 1, 0x63, 255]).copy(bytes, 108);
    Buffer.from([0, 12, 1, 0x64, 15, 1, 0x78, 255]).copy(bytes, 44);
    const options = decodeDhcp(bytes)?.options;
    expect(options?.get(12)?.toString()).toBe('abcd');
    expect(options?.get(15)?.toString()).toBe('x');
    expect(options?.has(52)).toBe(false);
  });

  it('leaves file and sname alone when they are not overloaded', () => {
    const bytes = encodeDhcp(plain);
    Buffer.from([12, 1, 0x63, 255]).copy(bytes, 108);
    expect(decodeDhcp(bytes)?.options.has(12)).toBe(false);
  });

  it('refuses what is no DHCP message', () => {
    const good = encodeDhcp(plain);
    expect(decodeDhcp(good.subarray(0, 239))).toBeUndefined();
    const noCookie = Buffer.from(good);
    noCookie[236] = 0;
    expect(decodeDhcp(noCookie)).toBeUndefined();
    const longAddress = Buffer.from(good);
    longAddress[2] = 17;
    expect(decodeDhcp(longAddress)).toBeUndefined();
    expect(decodeDhcp(Buffer.concat([good.subarray(0, 240), Buffer.from([12, 5, 1])]))).toBeUndefined();
    expect(decodeDhcp(Buffer.concat([good.subarray(0, 240), Buffer.from([12])]))).toBeUndefined();
  });

  it('forgives a missing end option', () => {
    const bytes = Buffer.concat([encodeDhcp(plain).subarray(0, 240), Buffer.from([53, 1, 3])]);
    expect(decodeDhcp(bytes)?.options.get(53)).toEqual(Buffer.from([3]));
  });

  it('keeps no view of the bytes it read', () => {
    const bytes = encodeDhcp(plain);
    const decoded = decodeDhcp(bytes);
    bytes.fill(0);
    expect(decoded?.hardwareAddress.toString('hex')).toBe('525400aabb01');
    expect(decoded?.options.get(53)).toEqual(Buffer.from([1]));
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(bufferOf(600), (bytes) => {
        decodeDhcp(bytes);
      }),
      { numRuns: 1000, seed: 2131 },
    );
  });

  it('never throws on damaged messages, and writes again what it read', () => {
    const damage = fc.array(fc.tuple(fc.nat(), uint(255)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(message, damage, fc.nat(), (value, changes, cut) => {
        const bytes = encodeDhcp(value);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        const decoded = decodeDhcp(bytes.subarray(0, bytes.length - (cut % 8)));
        if (decoded !== undefined) expect(decodeDhcp(encodeDhcp(decoded))).toEqual(decoded);
      }),
      { numRuns: 1000, seed: 3396 },
    );
  });
});
