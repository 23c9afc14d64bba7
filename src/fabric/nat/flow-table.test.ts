import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowTable } from './flow-table.js';

describe('FlowTable', () => {
  it.each([3, 9])('does what a Map does, with keys of %i words', (words) => {
    // Few distinct words, so that keys repeat and deletions shift chains.
    const operation = fc.record({
      kind: fc.constantFrom('set', 'set', 'delete', 'get'),
      key: fc.array(fc.constantFrom(0, 1, -1, 0x7fff_ffff), { minLength: words, maxLength: words }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 600 }), (operations) => {
        const table = new FlowTable<number>(words);
        const model = new Map<string, number>();
        operations.forEach(({ kind, key }, index) => {
          table.key.set(key);
          const name = key.join();
          if (kind === 'set') {
            table.set(index);
            model.set(name, index);
          } else if (kind === 'delete') expect(table.delete()).toBe(model.delete(name));
          else expect(table.get()).toBe(model.get(name));
          expect(table.size).toBe(model.size);
        });
        expect(new Set(table.values())).toEqual(new Set(model.values()));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps thousands of flows, and finds each again after half have gone', () => {
    const table = new FlowTable<number>(3);
    const put = (index: number) => table.key.set([0x0a00_0002, index * 7, (index << 16) | 443]);
    for (let index = 0; index < 5000; index++) {
      put(index);
      table.set(index);
    }
    for (let index = 0; index < 5000; index += 2) {
      put(index);
      expect(table.delete()).toBe(true);
    }
    for (let index = 0; index < 5000; index++) {
      put(index);
      expect(table.get()).toBe(index % 2 === 0 ? undefined : index);
    }
    expect(table.size).toBe(2500);
  });
});
