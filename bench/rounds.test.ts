import { describe, expect, it } from 'vitest';
import { Scope } from './stage/scope.js';
import { comparison, failureNotes, measureInRounds, median } from './rounds.js';

const of = (runs: number) => ({ runs, scope: new Scope(new AbortController().signal) });

const contender = (name: string, values: readonly (number | Error)[], order: string[] = []) => {
  let run = 0;
  return {
    name,
    measure: () => {
      order.push(name);
      const value = values[run++];
      return value instanceof Error ? Promise.reject(value) : Promise.resolve(value ?? Number.NaN);
    },
  };
};

describe('rounds', () => {
  it('takes the contenders in turn', async () => {
    const order: string[] = [];
    await measureInRounds('x', [contender('a', [1, 2], order), contender('b', [3, 4], order)], of(2));
    expect(order).toEqual(['a', 'b', 'a', 'b']);
  });

  it('ends when it is interrupted', async () => {
    const stop = new AbortController();
    const interrupted = {
      name: 'a',
      measure: () => {
        stop.abort(new Error('interrupted'));
        return Promise.reject(new Error('killed'));
      },
    };
    const scope = new Scope(stop.signal);
    await expect(measureInRounds('x', [interrupted], { runs: 2, scope })).rejects.toThrow('interrupted');
  });

  it('goes on when one fails, and tells it', async () => {
    const samples = await measureInRounds(
      'x',
      [contender('ours', [30e6, 20e6, 40e6]), contender('peer', [new Error('crashed'), 10e6, 12e6])],
      of(3),
    );
    expect(comparison(samples, 'bit/s')).toEqual(['**30.0 Mbit/s**', '11.0 Mbit/s (2.73x)']);
    expect(failureNotes('x', samples)).toEqual(['x, peer: 1 of 3 runs failed (crashed)']);
  });

  it('has no figure for one that always fails', async () => {
    const samples = await measureInRounds(
      'x',
      [contender('ours', [5]), contender('peer', [new Error('no')])],
      of(1),
    );
    expect(comparison(samples)).toEqual(['**5.00**', '–']);
  });

  it('does not try for ever', async () => {
    const order: string[] = [];
    const no = new Error('no');
    await measureInRounds('x', [contender('a', [no, no, no, no], order)], of(4));
    expect(order).toEqual(['a', 'a']);
  });

  it('makes no ratio without a figure of ours', async () => {
    const samples = await measureInRounds(
      'x',
      [contender('ours', [new Error('no')]), contender('peer', [5])],
      of(1),
    );
    expect(comparison(samples)).toEqual(['failed', '5.00']);
  });
});

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('of nothing is refused', () => {
    expect(() => median([])).toThrow('no values');
  });
});
