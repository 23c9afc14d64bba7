import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { emptyCounters } from './counters.js';
import type { Port } from './port.js';
import { MAX_PAUSE_MS, ReadPause } from './read-pause.js';

describe('ReadPause', () => {
  const waiting: (() => void)[] = [];
  const port: Port = {
    id: 'slow',
    counters: emptyCounters(),
    whenDrained: (then) => waiting.push(then),
    offer: () => undefined,
    flush: () => undefined,
  };
  const socket = new Socket();
  const resume = vi.spyOn(socket, 'resume');

  beforeEach(() => {
    vi.useFakeTimers();
    waiting.length = 0;
    resume.mockClear();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lasts until the port has drained', () => {
    new ReadPause().hold(socket, port);
    vi.advanceTimersByTime(MAX_PAUSE_MS - 1);
    expect(resume).not.toHaveBeenCalled();
    for (const then of waiting) then();
    vi.advanceTimersByTime(2 * MAX_PAUSE_MS);
    expect(resume).toHaveBeenCalledTimes(1);
  });

  it('ends by itself when the port does not drain, and a late word of that does nothing', () => {
    new ReadPause().hold(socket, port);
    vi.advanceTimersByTime(MAX_PAUSE_MS);
    for (const then of waiting) then();
    expect(resume).toHaveBeenCalledTimes(1);
  });
});
