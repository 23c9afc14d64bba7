import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AddressSpace } from './address-space.js';

const range = fc
  .tuple(fc.nat(60), fc.nat(8))
  .map(([first, size]) => ({ first: BigInt(first), last: BigInt(first + size) }));

test('overlaps are those of each range that was taken', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), range, (taken, asked) => {
      const space = new AddressSpace();
      for (const one of taken) space.take(one);
      const obstacle = space.overlapping(asked);
      const expected = taken.filter(({ first, last }) => first <= asked.last && asked.first <= last);
      expect(obstacle !== undefined).toBe(expected.length > 0);
      if (obstacle === undefined) return;
      // What is returned is taken from end to end.
      for (let value = obstacle.first; value <= obstacle.last; value++) {
        expect(taken.some(({ first, last }) => first <= value && value <= last)).toBe(true);
      }
    }),
  );
});
