import { expect, it } from 'vitest';
import { lookUnder } from '../../abort-signals.js';
import type { Run } from './run.js';
import { sharedRead } from './shared-read.js';

const run: Run = () => Promise.reject(new Error('not run here'));
const other: Run = () => Promise.reject(new Error('not run here'));

function counting(): { read: () => Promise<number>; answer: (value: number) => void; count: () => number } {
  const waiting: ((value: number) => void)[] = [];
  let count = 0;
  const read = (): Promise<number> => {
    count += 1;
    return new Promise((resolve) => waiting.push(resolve));
  };
  return {
    read,
    answer: (value) => waiting.splice(0).forEach((resolve) => resolve(value)),
    count: () => count,
  };
}

it('reads once what is asked again meanwhile, and anew after the answer', async () => {
  const { signal } = new AbortController();
  const { read, answer, count } = counting();
  const asked = [sharedRead(run, signal, 'links', read), sharedRead(run, signal, 'links', read)];
  expect(count()).toBe(1);
  answer(7);
  expect(await Promise.all(asked)).toEqual([7, 7]);
  const later = sharedRead(run, signal, 'links', read);
  expect(count()).toBe(2);
  answer(8);
  expect(await later).toBe(8);
});

it('tells apart what, where and under which signal', () => {
  const { signal } = new AbortController();
  const { read, count } = counting();
  void sharedRead(run, signal, 'links', read);
  void sharedRead(run, signal, 'addresses', read);
  void sharedRead(other, signal, 'links', read);
  void sharedRead(run, new AbortController().signal, 'links', read);
  expect(count()).toBe(4);
});

it('forgets a read that failed', async () => {
  const { signal } = new AbortController();
  const failing = (): Promise<number> => Promise.reject(new Error('refused'));
  await expect(sharedRead(run, signal, 'links', failing)).rejects.toThrow('refused');
  await expect(sharedRead(run, signal, 'links', () => Promise.resolve(1))).resolves.toBe(1);
});

it('keeps an answer for as long as one look lasts, and no other', async () => {
  const { signal } = new AbortController();
  const look = lookUnder(signal);
  const { read, answer, count } = counting();
  const first = sharedRead(run, look, 'links', read);
  answer(7);
  expect(await first).toBe(7);
  expect(await sharedRead(run, lookUnder(look), 'links', read)).toBe(7);
  expect(count()).toBe(1);
  const next = sharedRead(run, lookUnder(signal), 'links', read);
  answer(8);
  expect(await next).toBe(8);
});

it('asks again under the same look what was refused', async () => {
  const look = lookUnder(new AbortController().signal);
  await expect(sharedRead(run, look, 'links', () => Promise.reject(new Error('refused')))).rejects.toThrow();
  await expect(sharedRead(run, look, 'links', () => Promise.resolve(1))).resolves.toBe(1);
});
