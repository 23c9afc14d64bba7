import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sequenceAdd, sequenceDistance } from '../../../wire/tcp.js';
import { Reassembly } from './reassembly.js';

const STREAM = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7 + 3) & 0xff));

describe('Reassembly', () => {
  it('gives back the stream whatever the order and overlap of its segments', () => {
    const piece = fc.record({ offset: fc.nat(299), bytes: fc.integer({ min: 1, max: 60 }) });
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.array(piece, { maxLength: 80 }), (first, pieces) => {
        const reassembly = new Reassembly(1000);
        const present = Array.from(STREAM, () => false);
        let next = 0;
        const got: Buffer[] = [];
        for (const { offset, bytes } of pieces) {
          const end = Math.min(offset + bytes, STREAM.length);
          if (end <= next) continue;
          const start = Math.max(offset, next);
          reassembly.insert(sequenceAdd(first, start), STREAM, start, end);
          present.fill(true, start, end);
          const held = present.slice(next).filter(Boolean).length;
          expect(reassembly.heldBytes).toBe(held);
          for (let data = reassembly.take(sequenceAdd(first, next)); data !== undefined; ) {
            got.push(data);
            next += data.length;
            data = reassembly.take(sequenceAdd(first, next));
          }
          let reached = 0;
          while (present[reached] === true) reached++;
          expect(next).toBe(reached);
          const ranges = reassembly
            .ranges(100)
            .map(({ left, right }) => [sequenceDistance(left, first), sequenceDistance(right, first)]);
          for (const [left, right] of ranges) {
            expect(present.slice(left, right)).not.toContain(false);
            expect(present[right!] ?? false).toBe(false);
          }
        }
        expect(Buffer.concat(got).equals(STREAM.subarray(0, next))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is bounded in segments', () => {
    const reassembly = new Reassembly(3);
    for (let index = 0; index < 10; index++) reassembly.insert(100 + 10 * index, STREAM, 0, 5);
    expect(reassembly.ranges(100)).toHaveLength(3);
  });
});
