import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StreamFrameReader } from '../../../clients/vde/stream-frames.js';
import { encodeEvenFrame } from './even-frames.js';

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
