import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_CAPTURED_BYTES, PcapReader, PcapStreamError } from './pcap.js';

interface Record {
  readonly seconds: number;
  readonly fraction: number;
  readonly frame: Uint8Array;
}

function stream(magic: number, isLittleEndian: boolean, records: readonly Record[]): Buffer {
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (isLittleEndian) bytes.writeUInt32LE(value);
    else bytes.writeUInt32BE(value);
    return bytes;
  };
  return Buffer.concat([
    word(magic),
    Buffer.alloc(20),
    ...records.flatMap(({ seconds, fraction, frame }) => [
      word(seconds),
      word(fraction),
      word(frame.length),
      word(frame.length + 9),
      frame,
    ]),
  ]);
}

describe('a libpcap stream', () => {
  const record = fc.record({
    seconds: fc.nat(0xffff_ffff),
    fraction: fc.nat(999_999),
    frame: fc.uint8Array({ maxLength: 80 }),
  });

  it('is read in either byte order, cut anywhere', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 6 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (records, isLittleEndian, cuts) => {
          const bytes = stream(0xa1b2c3d4, isLittleEndian, records);
          const reader = new PcapReader();
          const frames = [];
          for (let at = 0, cut = 0; at < bytes.length; cut++) {
            const size = cuts[cut % cuts.length]!;
            frames.push(...reader.push(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(frames.map(({ bytes: kept }) => [...kept])).toEqual(records.map(({ frame }) => [...frame]));
          for (const [index, { seconds, fraction }] of records.entries())
            expect(frames[index]!.capturedAtMs).toBeCloseTo(seconds * 1000 + fraction / 1000, 1);
        },
      ),
    );
  });

  it('may count nanoseconds', () => {
    const bytes = stream(0xa1b23c4d, true, [{ seconds: 7, fraction: 500_000_000, frame: new Uint8Array(1) }]);
    expect(new PcapReader().push(bytes)).toMatchObject([{ capturedAtMs: 7500 }]);
  });

  it('is refused when it is none, or has a frame that no capture keeps', () => {
    expect(() => new PcapReader().push(Buffer.alloc(24))).toThrow(PcapStreamError);
    const huge = stream(0xa1b2c3d4, true, []);
    const header = Buffer.alloc(16);
    header.writeUInt32LE(MAX_CAPTURED_BYTES + 1, 8);
    expect(() => new PcapReader().push(Buffer.concat([huge, header]))).toThrow(PcapStreamError);
  });
});
