import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sequenceAdd, sequenceDistance } from '../../../wire/tcp.js';
import { WINDOW_ROUNDING_BYTES } from './limits.js';
import { ReceiveWindow } from './receive-window.js';

describe('ReceiveWindow', () => {
  it('never moves its edge back, and never offers more than it has room for', () => {
    const step = fc.record({ sent: fc.nat(3000), drained: fc.nat(4000) });
    fc.assert(
      fc.property(
        fc.nat(0xffff_ffff),
        fc.boolean(),
        fc.array(step, { maxLength: 300 }),
        (first, scaled, steps) => {
          const window = new ReceiveWindow(first, 65_536, scaled);
          window.offerUnscaled();
          let queued = 0;
          let edge = sequenceAdd(first, window.openBytes);
          for (const { sent, drained } of steps) {
            const bytes = Math.min(sent, window.openBytes);
            window.next = sequenceAdd(window.next, bytes);
            queued = Math.max(queued + bytes - drained, 0);
            const field = window.offer(queued, 1460);
            const named = sequenceAdd(window.next, field << window.shift);
            // Rounding to the scale may name less than was named before, never by a whole step.
            expect(sequenceDistance(named, edge)).toBeGreaterThan(-(1 << window.shift));
            if (sequenceDistance(named, edge) > 0) edge = named;
            expect(sequenceDistance(sequenceAdd(window.next, window.openBytes), edge)).toBe(0);
            expect(queued + window.openBytes).toBeLessThanOrEqual(65_536 + WINDOW_ROUNDING_BYTES);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('opens by a segment or not at all (RFC 9293 section 3.8.6.2.2)', () => {
    const window = new ReceiveWindow(0, 10_000, false);
    window.offerUnscaled();
    window.next = 10_000;
    expect(window.offer(10_000, 1460)).toBe(0);
    expect(window.updateDue(8_600, 1460)).toBe(false);
    expect(window.offer(8_600, 1460)).toBe(0);
    expect(window.updateDue(8_500, 1460)).toBe(true);
    expect(window.offer(8_500, 1460)).toBe(1500);
  });

  it('accepts by the four cases of RFC 9293 section 3.10.7.4', () => {
    const window = new ReceiveWindow(100, 50, false);
    expect(window.accepts(100, 0)).toBe(true);
    expect(window.accepts(99, 0)).toBe(false);
    expect(window.accepts(100, 1)).toBe(false);
    window.offerUnscaled();
    expect([99, 100, 149, 150].map((sequence) => window.accepts(sequence, 0))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(window.accepts(95, 5)).toBe(false);
    expect(window.accepts(95, 6)).toBe(true);
    expect(window.accepts(149, 500)).toBe(true);
    expect(window.accepts(150, 1)).toBe(false);
  });
});
