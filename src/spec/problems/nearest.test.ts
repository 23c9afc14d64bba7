import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from './nearest.js';

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });

test('the distance is symmetric, zero only between equals, and at most the longer length', () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance === 0).toBe(a === b);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
    }),
  );
});

test('one edit is a distance of one', () => {
  expect(editDistance('mode', 'mdoe')).toBe(1);
  expect(editDistance('mode', 'mod')).toBe(1);
  expect(editDistance('mode', 'mode1')).toBe(1);
  expect(editDistance('mode', 'node')).toBe(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});

const KEYS = ['mode', 'engine', 'ipv4', 'ipv6', 'dhcp', 'dns', 'mtu', 'host-loopback', 'uplink'];

test.each([
  ['mdoe', 'mode'],
  ['Mode', 'mode'],
  ['host_loopback', 'host-loopback'],
  ['hostloopback', 'host-loopback'],
  ['ip4', 'ipv4'],
  ['upling', 'uplink'],
  ['subnet', undefined],
  ['x', undefined],
  ['x'.repeat(1_000_000), undefined],
])('nearest to %.20s is %s', (written, expected) => expect(nearest(written, KEYS)).toBe(expected));
