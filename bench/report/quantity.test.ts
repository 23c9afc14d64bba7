import { expect, it } from 'vitest';
import { milliseconds, percentage, quantity, ratio } from './quantity.js';

it('writes three digits and a prefix', () => {
  expect(quantity(1_234_567, 'bit/s')).toBe('1.23 Mbit/s');
  expect(milliseconds(9_999)).toBe('9999 ms');
  expect(milliseconds(12_345)).toBe('12.3 s');
  expect(ratio(3, 2)).toBe('1.50x');
  expect(percentage(99, 100)).toBe('99 %');
});

it('says of what was not measured that it was not', () => {
  expect([quantity(NaN), milliseconds(NaN), ratio(NaN, 1), ratio(1, NaN), percentage(1, NaN)]).toEqual(
    Array(5).fill('–'),
  );
});
