import { describe, expect, it } from 'vitest';
import { RetransmissionTimer } from './retransmission.js';

describe('RetransmissionTimer (RFC 6298)', () => {
  it('follows the round-trip time: SRTT and RTTVAR of section 2', () => {
    const timer = new RetransmissionTimer();
    expect(timer.rtoMs).toBe(1000);
    timer.sent(100, 0);
    timer.acknowledged(100, true, 2000);
    expect(timer.rtoMs).toBe(2000 + 4 * 1000);
    timer.sent(200, 10_000);
    timer.acknowledged(200, true, 12_000);
    expect(timer.rtoMs).toBeCloseTo(2000 + 4 * 750);
    timer.sent(300, 20_000);
    timer.acknowledged(300, true, 21_000);
    expect(timer.rtoMs).toBeCloseTo(1875 + 4 * (0.75 * 750 + 0.25 * 1000));
  });

  it('is at least 200 ms beyond the round-trip time and at most 60 s', () => {
    const timer = new RetransmissionTimer();
    timer.sent(100, 0);
    timer.acknowledged(100, true, 1);
    expect(timer.rtoMs).toBe(201);
    timer.sent(200, 0);
    for (let count = 0; count < 10; count++) timer.expired(0);
    expect(timer.rtoMs).toBe(60_000);
  });

  it('stops when everything is acknowledged and starts again otherwise', () => {
    const timer = new RetransmissionTimer();
    expect(timer.armed).toBe(false);
    timer.sent(100, 0);
    timer.sent(200, 10);
    expect(timer.deadlineMs).toBe(1000);
    timer.acknowledged(100, false, 500);
    expect(timer.deadlineMs).toBe(500 + timer.rtoMs);
    timer.acknowledged(200, true, 600);
    expect(timer.armed).toBe(false);
  });

  it('ends its back-off with the first progress, even without a sample', () => {
    const timer = new RetransmissionTimer();
    timer.sent(100, 0);
    timer.acknowledged(100, true, 10);
    timer.sent(200, 10);
    timer.expired(220);
    timer.expired(640);
    expect(timer.rtoMs).toBe(4 * 210);
    timer.acknowledged(150, false, 5000);
    expect(timer.rtoMs).toBe(210);
  });

  it('tells for how long nothing was answered', () => {
    const timer = new RetransmissionTimer();
    timer.sent(100, 0);
    expect(timer.expired(1000)).toBe(1000);
    expect(timer.expired(3000)).toBe(3000);
    timer.acknowledged(50, false, 4000);
    expect(timer.expired(9000)).toBeLessThan(5000);
  });
});
