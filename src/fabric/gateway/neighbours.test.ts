import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AddressKey } from './address-key.js';
import { MAX_LEARNED, MAX_PENDING, MAX_WAITERS, NeighbourCache } from './neighbours.js';

describe('neighbour cache', () => {
  let asked: AddressKey[];
  let cache: NeighbourCache;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    asked = [];
    cache = new NeighbourCache((key) => asked.push(key));
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('asks three times, a second apart, then says that nobody answered', () => {
    const then = vi.fn<(mac: number | undefined) => void>();
    cache.resolve(1, then);
    expect(asked).toEqual([1]);
    vi.advanceTimersByTime(2999);
    expect(asked).toEqual([1, 1, 1]);
    expect(then).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(then.mock.calls).toEqual([[undefined]]);
    expect(cache.size).toEqual({ learned: 0, pending: 0 });
    vi.advanceTimersByTime(10_000);
    expect(asked).toHaveLength(3);
  });

  it('tells everybody who waits, once, and stops asking', () => {
    const first = vi.fn<(mac: number | undefined) => void>();
    const second = vi.fn<(mac: number | undefined) => void>();
    cache.resolve(1, first);
    cache.resolve(1, second);
    expect(asked).toEqual([1]);
    cache.learn(1, 0xabc);
    expect(first.mock.calls).toEqual([[0xabc]]);
    expect(second.mock.calls).toEqual([[0xabc]]);
    vi.advanceTimersByTime(10_000);
    expect(asked).toHaveLength(1);
    cache.resolve(1, first);
    expect(first).toHaveBeenCalledTimes(2);
  });

  it('lets nobody change a static entry', () => {
    cache.setStatic(new Map<AddressKey, number>([[1, 0xaaa]]));
    cache.learn(1, 0xbad);
    cache.merge(1, 0xbad);
    expect(cache.lookup(1)).toBe(0xaaa);
    cache.setStatic(new Map());
    expect(cache.lookup(1)).toBeUndefined();
  });

  it('tells who waits for an address that becomes static', () => {
    const then = vi.fn<(mac: number | undefined) => void>();
    cache.resolve(1, then);
    cache.setStatic(new Map<AddressKey, number>([[1, 0xaaa]]));
    expect(then.mock.calls).toEqual([[0xaaa]]);
  });

  it('takes what was said to others only for addresses it knows or asks for', () => {
    cache.merge(1, 0xaaa);
    expect(cache.lookup(1)).toBeUndefined();
    cache.learn(1, 0xaaa);
    cache.merge(1, 0xbbb);
    expect(cache.lookup(1)).toBe(0xbbb);
  });

  it('asks again for an old entry while it serves, and forgets it when nobody answers', () => {
    cache.learn(1, 0xaaa);
    vi.advanceTimersByTime(59_999);
    expect(cache.lookup(1)).toBe(0xaaa);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(cache.lookup(1)).toBe(0xaaa);
    expect(asked).toEqual([1]);
    vi.advanceTimersByTime(3000);
    expect(cache.lookup(1)).toBeUndefined();
  });

  it('does not serve an entry past its life', () => {
    cache.learn(1, 0xaaa);
    vi.advanceTimersByTime(300_000);
    expect(cache.lookup(1)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('keeps to its bounds', () => {
    for (let key = 0; key < MAX_LEARNED + 10; key++) cache.learn(key, key + 1);
    expect(cache.size.learned).toBe(MAX_LEARNED);
    expect(cache.lookup(9)).toBeUndefined();
    expect(cache.lookup(10)).toBe(11);
    const refused = vi.fn<(mac: number | undefined) => void>();
    for (let key = 0; key < MAX_PENDING; key++) cache.resolve(`a${key}`, () => {});
    cache.resolve('one-more', refused);
    expect(refused.mock.calls).toEqual([[undefined]]);
    expect(cache.size.pending).toBe(MAX_PENDING);
    for (let count = 1; count < MAX_WAITERS; count++) cache.resolve('a0', () => {});
    cache.resolve('a0', refused);
    expect(refused).toHaveBeenCalledTimes(2);
  });

  it('tells who waits when it is cleared', () => {
    const then = vi.fn<(mac: number | undefined) => void>();
    cache.learn(2, 0xaaa);
    cache.resolve(1, then);
    cache.clear();
    expect(then.mock.calls).toEqual([[undefined]]);
    expect(cache.size).toEqual({ learned: 0, pending: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });
});
