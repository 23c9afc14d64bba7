import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { anySignal, timeLimited } from './abort-signals.js';

describe('anySignal', () => {
  it('aborts with the first, and with its reason', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const signal = anySignal([first.signal, second.signal]);
    expect(signal.aborted).toBe(false);
    second.abort('because');
    first.abort('too late');
    expect(signal.reason).toBe('because');
  });
  it('is aborted when one of them is', () => {
    expect(anySignal([new AbortController().signal, AbortSignal.abort('before')]).reason).toBe('before');
  });
});

describe('timeLimited', () => {
  it('fires after its time, whatever was collected meanwhile', async () => {
    const signal = timeLimited(new AbortController().signal, 20);
    for (let round = 0; round < 5; round++) {
      Array.from({ length: 200_000 }, (_, index) => ({ index }));
      await delay(10);
    }
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });
  it('follows its signal', () => {
    const controller = new AbortController();
    const signal = timeLimited(controller.signal, 60_000);
    controller.abort('stopped');
    expect(signal.reason).toBe('stopped');
  });
});
