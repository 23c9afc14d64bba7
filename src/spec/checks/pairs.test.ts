import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSpec } from '../parse.js';

/*
 * The sweeps over subnets and listeners, held against the plain comparison of every pair: a file is refused exactly
 * when there is a pair that conflicts.
 */

function codes(text: string): string[] {
  const result = parseSpec(text, 'f.yaml');
  return 'spec' in result ? [] : result.problems.map(({ code }) => code);
}

function somePair<T>(items: readonly T[], conflicts: (a: T, b: T) => boolean): boolean {
  return items.some((a, index) => items.slice(index + 1).some((b) => conflicts(a, b)));
}

test('listeners', () => {
  const forward = fc.record({
    protocol: fc.constantFrom('tcp', 'udp'),
    address: fc.constantFrom('0.0.0.0', '127.0.0.1', '127.0.0.2', '::', '::1'),
    first: fc.integer({ min: 1, max: 12 }),
    size: fc.integer({ min: 0, max: 4 }),
  });
  type Listener = (typeof forward)['generate'] extends (...args: never[]) => { value: infer V } ? V : never;
  const isWild = (address: string) => address === '0.0.0.0' || address === '::';
  const conflicts = (a: Listener, b: Listener) =>
    a.protocol === b.protocol &&
    a.address.includes(':') === b.address.includes(':') &&
    (a.address === b.address || isWild(a.address) || isWild(b.address)) &&
    a.first <= b.first + b.size &&
    b.first <= a.first + a.size;
  fc.assert(
    fc.property(fc.array(forward, { maxLength: 8 }), (forwards) => {
      const lines = forwards.map(
        ({ protocol, address, first, size }) =>
          `  - { protocol: ${protocol}, listen-address: "${address}", listen-port: ${first}-${first + size}, target: m }\n`,
      );
      const text = `project: p\nnetworks: { n: { mode: nat } }\nmachines: { m: { nics: [{ network: n }] } }\nforwards:\n${lines.join('')}`;
      expect(
        codes(forwards.length === 0 ? text.replace('forwards:\n', '') : text).includes(
          'spec/listen-conflict',
        ),
      ).toBe(somePair(forwards, conflicts));
    }),
    { numRuns: 300 },
  );
});

test('subnets', () => {
  const subnet = fc
    .record({ slot: fc.nat(15), prefixLength: fc.integer({ min: 20, max: 24 }) })
    .map(({ slot, prefixLength }) => {
      const size = 2 ** (24 - prefixLength);
      return { first: slot - (slot % size), last: slot - (slot % size) + size - 1, prefixLength };
    });
  fc.assert(
    fc.property(fc.array(subnet, { minLength: 1, maxLength: 6 }), (subnets) => {
      const lines = subnets.map(
        ({ first, prefixLength }, index) =>
          `  n${index}: { mode: nat, ipv4: 10.1.${first}.0/${prefixLength} }\n`,
      );
      const isRefused = somePair(subnets, (a, b) => a.first <= b.last && b.first <= a.last);
      const found = codes(`project: p\nnetworks:\n${lines.join('')}`);
      expect(found.includes('spec/subnets-overlap')).toBe(isRefused);
      expect(found.every((code) => code === 'spec/subnets-overlap')).toBe(true);
    }),
    { numRuns: 300 },
  );
});
