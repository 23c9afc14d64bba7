import { expect, it } from 'vitest';
import { readCampaign, seedsToTry } from './fuzz.js';

it('tries the seeds of the test, or those that follow FUZZ_SEED until the time is over', () => {
  expect([...seedsToTry([7, 9], undefined)]).toEqual([7, 9]);
  let nowMs = 0;
  const clock = () => (nowMs += 400);
  const campaign = readCampaign({ FUZZ_SEED: '4294967295', FUZZ_SECONDS: '1' });
  expect([...seedsToTry([7, 9], campaign, clock)]).toEqual([0xffff_ffff, 0, 1]);
  expect([...seedsToTry([7], readCampaign({ FUZZ_SEED: '5', FUZZ_SECONDS: '0' }), clock)]).toEqual([5]);
});

it('refuses a seed that is no number', () => {
  expect(readCampaign({})).toBeUndefined();
  expect(() => readCampaign({ FUZZ_SEED: 'x', FUZZ_SECONDS: '1' })).toThrow('FUZZ_SEED=x');
});
