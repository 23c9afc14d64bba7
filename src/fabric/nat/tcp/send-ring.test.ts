import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sequenceAdd, sequenceDistance } from '../../../wire/tcp.js';
import { SendRing } from './send-ring.js';

describe('SendRing', () => {
  it('keeps every byte until it is released, through wraps and growth', () => {
    const step = fc.record({
      readShare: fc.double({ min: 0.01, max: 1, noNaN: true }),
      releaseShare: fc.double({ min: 0, max: 1, noNaN: true }),
      grow: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.array(step, { maxLength: 60 }), (first, steps) => {
        const ring = new SendRing(64, first);
        let written = 0;
        let released = 0;
        for (const { readShare, releaseShare, grow } of steps) {
          if (ring.readable) {
            const space = ring.nextRead();
            const bytes = Math.max(1, Math.floor(space.length * readShare));
            for (let index = 0; index < bytes; index++) space[index] = (written + index) & 0xff;
            const filled = ring.commit(bytes);
            if (filled) expect(bytes).toBe(space.length);
            written += bytes;
          }
          if (grow && ring.sizeBytes < 1024) ring.grow(ring.sizeBytes * 2);
          expect(ring.keptBytes).toBe(written - released);
          expect(ring.keptBytes).toBeLessThanOrEqual(ring.sizeBytes);
          const copy = Buffer.alloc(ring.keptBytes + 2, 0xee);
          ring.copyTo(copy, 1, ring.start, ring.keptBytes);
          for (let index = released; index < written; index++)
            expect(copy[1 + index - released]).toBe(index & 0xff);
          released += Math.floor(ring.keptBytes * releaseShare);
          ring.release(sequenceAdd(first, released));
          expect(sequenceDistance(ring.end, ring.start)).toBe(written - released);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('names no space that holds bytes', () => {
    const ring = new SendRing(64, 7);
    while (ring.readable) ring.commit(ring.nextRead().length);
    expect(ring.keptBytes).toBeGreaterThan(64 - 17);
    ring.release(sequenceAdd(ring.start, 32));
    expect(ring.readable).toBe(true);
  });
});
