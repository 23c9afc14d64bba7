import { expect, test } from 'vitest';
import { parseSpec } from '../spec/parse.js';
import { chooseMacs } from './macs.js';
import { NOTHING_REMEMBERED } from './remembered.js';

// The SHA-256 of `p/m491/0` and of `p/m605/0` begin with the same 24 bits: found by trying names.
const COLLIDING = '52:54:00:f8:7c:7b';

function macs(machines: Record<string, string | undefined>, remembered: Record<string, string> = {}) {
  const text = JSON.stringify({
    project: 'p',
    networks: { n: { mode: 'nat' } },
    machines: Object.fromEntries(
      Object.entries(machines).map(([name, mac]) => [name, { nics: [{ network: 'n', mac }] }]),
    ),
  });
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return Object.fromEntries(chooseMacs(parsed.spec, { ...NOTHING_REMEMBERED, macs: remembered }).nics);
}

test('each alone has the MAC that its name gives', () => {
  expect(macs({ m491: undefined })).toEqual({ 'm491/0': COLLIDING });
  expect(macs({ m605: undefined })).toEqual({ 'm605/0': COLLIDING });
});

test('of two that derive the same the first by name has it, in whatever order they stand', () => {
  const both = macs({ m605: undefined, m491: undefined });
  expect(both['m491/0']).toBe(COLLIDING);
  expect(both['m605/0']).not.toBe(COLLIDING);
  expect(macs({ m491: undefined, m605: undefined })).toEqual(both);
});

test('the one that had it before keeps it, and the other its own when the first goes', () => {
  const alone = macs({ m605: undefined });
  const joined = macs({ m491: undefined, m605: undefined }, alone);
  expect(joined['m605/0']).toBe(COLLIDING);
  expect(macs({ m491: undefined }, joined)).toEqual({ 'm491/0': joined['m491/0'] });
});

test('one that the file gives to another is given up', () => {
  const fixed = macs({ m491: undefined, other: COLLIDING }, { 'm491/0': COLLIDING });
  expect(fixed['other/0']).toBe(COLLIDING);
  expect(fixed['m491/0']).not.toBe(COLLIDING);
});

test('a remembered MAC that was fixed, and no longer is, is forgotten', () => {
  expect(macs({ m491: undefined }, { 'm491/0': '02:00:00:00:00:01' })).toEqual({ 'm491/0': COLLIDING });
});
