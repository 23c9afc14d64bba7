import { expect, test } from 'vitest';
import { parseLeaseTime, parseRate } from './quantities.js';

const FIX = 'write a number and s, m, h or d, from 2m to 365d, for example 1h';

test.each([
  ['120s', 120],
  ['1h', 3600],
  ['7d', 604_800],
])('lease %s', (text, value) => expect(parseLeaseTime(text)).toEqual({ value }));

test.each([
  ['1m', 'a lease of 1m is too short'],
  ['366d', 'a lease of 366d is too long'],
  ['1 h', '"1 h" is not a time'],
  ['3600', '"3600" is not a time'],
  ['-1h', '"-1h" is not a time'],
])('lease %s is refused', (text, message) => {
  expect(parseLeaseTime(text)).toEqual({ fault: { code: 'spec/bad-duration', message, fix: FIX } });
});

test.each(['1kbit', '100mbit', '9999999gbit'])('rate %s', (text) => {
  expect(parseRate(text)).toEqual({ value: text });
});

test.each(['100', '100Mbit', '0mbit', '1.5mbit', '100mbit burst 1'])('rate %s is refused', (text) => {
  expect(parseRate(text)).toMatchObject({
    fault: { code: 'spec/bad-rate', message: `"${text}" is not a rate` },
  });
});
