import fc from 'fast-check';
import { expect, test } from 'vitest';
import { oneOf, pathText, quoted } from './wording.js';

test('what is quoted moves no cursor, hides nothing and stays short', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
      (text) => {
        const shown = quoted(text);
        // oxlint-disable-next-line no-control-regex
        expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
        expect(shown.length).toBeLessThan(400);
      },
    ),
  );
  expect(quoted('\u001b[31mred')).toBe(String.raw`"\u001b[31mred"`);
  expect(quoted('a\u202eb')).toBe(String.raw`"a\u202eb"`);
});

test('a path reads as it is written in YAML tools', () => {
  expect(pathText(['machines', 'web1', 'nics', 0, 'mac'])).toBe('machines.web1.nics[0].mac');
  expect(pathText(['machines', 'a b'])).toBe('machines."a b"');
  expect(pathText([])).toBe('');
});

test('lists of words', () => {
  expect(oneOf([])).toBe('');
  expect(oneOf(['a'])).toBe('a');
  expect(oneOf(['a', 'b', 'c'])).toBe('a, b or c');
});
