import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeEvenFrame,
  encodeStreamFrame,
  QEMU_FRAMING,
  StreamFrameReader,
  VDE_FRAMING,
} from './vde-stream.js';

const { maxFrameBytes: MAX_STREAM_FRAME_BYTES } = VDE_FRAMING;

const frame = fc.uint8Array({ minLength: 14, maxLength: 200 });

describe('VDE stream framing', () => {
  it('is the length in two bytes, then the frame', () => {
    expect(encodeStreamFrame(Buffer.alloc(300, 7)).subarray(0, 3)).toEqual(Buffer.from([1, 44, 7]));
  });

  it('is the length in four bytes for QEMU', () => {
    expect(encodeStreamFrame(Buffer.alloc(300, 7), QEMU_FRAMING).subarray(0, 5)).toEqual(
      Buffer.from([0, 0, 1, 44, 7]),
    );
  });

  it.each([VDE_FRAMING, QEMU_FRAMING])('gives back what was put in, however it is cut: %o', (framing) => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 90 })),
        (frames, sizes) => {
          const bytes = Buffer.concat(frames.map((one) => encodeStreamFrame(one, framing)));
          const seen: Buffer[] = [];
          const reader = new StreamFrameReader((one) => seen.push(Buffer.from(one)), framing);
          let position = 0;
          for (const size of [...sizes, bytes.length]) {
            expect(reader.push(bytes.subarray(position, position + size))).toBe(true);
            position += size;
          }
          expect(seen.map((one) => [...one])).toEqual(frames.map((one) => [...one]));
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  it('passes over lengths of zero and runts', () => {
    const seen: number[] = [];
    const reader = new StreamFrameReader((one) => seen.push(one.length));
    expect(
      reader.push(Buffer.concat([Buffer.from([0, 0, 0, 3, 1, 2, 3]), encodeStreamFrame(Buffer.alloc(60))])),
    ).toBe(true);
    expect(seen).toEqual([60]);
  });

  it('says when the stream is out of step', () => {
    const reader = new StreamFrameReader(() => undefined);
    expect(reader.push(Buffer.from([0xff, 0xff, 0]))).toBe(false);
  });

  it('refuses to write what vde_plug would not read', () => {
    expect(() => encodeStreamFrame(Buffer.alloc(13))).toThrow(RangeError);
    expect(() => encodeStreamFrame(Buffer.alloc(MAX_STREAM_FRAME_BYTES + 1))).toThrow(RangeError);
    expect(encodeStreamFrame(Buffer.alloc(MAX_STREAM_FRAME_BYTES))).toHaveLength(MAX_STREAM_FRAME_BYTES + 2);
  });

  it('holds one frame at most of any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 10 }), (chunks) => {
        const reader = new StreamFrameReader((one) => {
          expect(one.length).toBeGreaterThanOrEqual(14);
          expect(one.length).toBeLessThanOrEqual(MAX_STREAM_FRAME_BYTES);
        });
        for (const chunk of chunks) if (!reader.push(Buffer.from(chunk))) return;
      }),
      { seed: 9, numRuns: 300 },
    );
  });
});

describe('frames for the input of a vde_plug', () => {
  it('takes an even number of bytes for every frame, and changes none of its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 14, maxLength: 1518 }), (bytes) => {
        const framed = encodeEvenFrame(Buffer.from(bytes)) ?? Buffer.alloc(1);
        expect(framed.length % 2).toBe(0);
        const reader = new StreamFrameReader((frame) => {
          expect([...frame.subarray(0, bytes.length)]).toEqual([...bytes]);
          expect(frame.length - bytes.length).toBe(bytes.length % 2);
        });
        expect(reader.push(framed)).toBe(true);
      }),
      { seed: 13, numRuns: 100 },
    );
  });

  it('leaves out what vde_plug does not take', () => {
    expect(encodeEvenFrame(Buffer.alloc(9234))).toHaveLength(9236);
    expect(encodeEvenFrame(Buffer.alloc(9235))).toBeUndefined();
  });
});
