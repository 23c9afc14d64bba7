import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_PORTS_PER_NETWORK, numberPorts, PORT_COUNT } from './numbering.js';

const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 60 });

it('gives each its own number, above those that strangers are given', () => {
  fc.assert(
    fc.property(ids, (names) => {
      const numbers = [...numberPorts(names).values()];
      expect(new Set(numbers).size).toBe(names.length);
      for (const number of numbers) {
        expect(number).toBeGreaterThanOrEqual(64);
        expect(number).toBeLessThan(PORT_COUNT);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

it('gives the same numbers in any order', () => {
  fc.assert(
    fc.property(ids, (names) => {
      expect(numberPorts([...names].reverse())).toEqual(numberPorts(names));
    }),
    { seed: 2, numRuns: 100 },
  );
});

it('leaves nearly everybody in place when somebody comes', () => {
  const names = Array.from({ length: 40 }, (_, index) => `vde/port/m${index}/0`);
  const before = numberPorts(names);
  let moved = 0;
  for (let extra = 0; extra < 50; extra++) {
    const after = numberPorts([...names, `vde/port/new${extra}/0`]);
    moved += names.filter((name) => after.get(name) !== before.get(name)).length;
  }
  expect(moved).toBeLessThanOrEqual(2);
});

it('takes as many as a network may have', () => {
  const names = Array.from({ length: MAX_PORTS_PER_NETWORK + 20 }, (_, index) => `${index}`);
  expect(new Set(numberPorts(names).values()).size).toBe(names.length);
  expect(() => numberPorts(Array.from({ length: 961 }, (_, index) => `${index}`))).toThrow(RangeError);
});
