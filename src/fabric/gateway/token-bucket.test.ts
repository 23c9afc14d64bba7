import { expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.js';

it('lets a burst pass, then its rate', () => {
  const bucket = new TokenBucket(10, 3, 0);
  expect([0, 0, 0, 0].map((now) => bucket.take(now))).toEqual([true, true, true, false]);
  expect([99, 100, 100].map((now) => bucket.take(now))).toEqual([false, true, false]);
  expect([60_000, 60_000, 60_000, 60_000].map((now) => bucket.take(now))).toEqual([true, true, true, false]);
});
