import fc from 'fast-check';
import { expect, it } from 'vitest';
import { escapeOptionValue, parseOptionString } from './option-string.js';
import { fuzz } from '../../test/fuzz/fuzz.js';

it('reads words, values with equals signs and doubled commas', () => {
  expect(parseOptionString('stream,id=n0,server,addr.path=/a,,b=c')).toEqual({
    first: 'stream',
    pairs: [
      ['id', 'n0'],
      ['server', 'on'],
      ['addr.path', '/a,b=c'],
    ],
  });
  expect(parseOptionString('virtio-net-pci,romfile=')).toEqual({
    first: 'virtio-net-pci',
    pairs: [['romfile', '']],
  });
  expect(parseOptionString('')).toEqual({ first: '', pairs: [] });
});

it('brings any value back that was escaped', () => {
  const key = fc.stringMatching(/^[a-z.]{1,8}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.string()), { maxLength: 5 }), (pairs) => {
      const text = ['type', ...pairs.map(([name, value]) => `${name}=${escapeOptionValue(value)}`)].join(',');
      expect(parseOptionString(text)).toEqual({ first: 'type', pairs });
    }),
  );
});

fuzz('reads any text without complaint', [20_26], (seed) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(',', '=', 'a', '.', '{') }), (text) => {
      expect(parseOptionString(text).pairs.every(([, value]) => typeof value === 'string')).toBe(true);
    }),
    { numRuns: 2000, seed },
  );
});
