import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from './clock.js';
import { FakeClock } from '../../../test/fabric/nat/fake-clock.js';

describe('DeadlineTimer', () => {
  function timer() {
    const clock = new FakeClock();
    const fired: number[] = [];
    return { clock, fired, timer: new DeadlineTimer(clock, (nowMs) => fired.push(nowMs)) };
  }

  it('fires once for the earliest deadline asked for', () => {
    const { clock, fired, timer: deadline } = timer();
    deadline.require(500);
    deadline.require(100);
    deadline.require(300);
    clock.advance(1000);
    expect(fired).toEqual([100]);
  });

  it('may be asked again, and stopped', () => {
    const { clock, fired, timer: deadline } = timer();
    deadline.require(100);
    clock.advance(100);
    deadline.require(150);
    clock.advance(100);
    deadline.require(900);
    deadline.stop();
    clock.advance(1000);
    expect(fired).toEqual([100, 150]);
  });

  it('takes a deadline that is farther than timers reach, and one that never comes', () => {
    const { clock, timer: deadline } = timer();
    deadline.require(Number.POSITIVE_INFINITY);
    expect(clock.pending).toBe(0);
    deadline.require(1e12);
    expect(clock.pending).toBe(1);
  });
});
