import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission, type Admitted } from './admission.js';
import { DEFAULT_TCP_LIMITS } from './limits.js';

const LIMITS = {
  ...DEFAULT_TCP_LIMITS,
  maxFlowsPerNetwork: 12,
  maxFlowsPerGuest: 8,
  maxHalfOpenPerNetwork: 6,
  maxHalfOpenPerGuest: 4,
};

interface Flow extends Admitted {
  state: 'half-open' | 'open' | 'lingering';
  readonly byGuest: boolean;
}

describe('Admission', () => {
  it('keeps every bound, and never displaces an open connection (RFC 5382 REQ-5)', () => {
    const event = fc.record({
      kind: fc.constantFrom('begin', 'begin', 'begin', 'forward', 'establish', 'linger', 'end'),
      mac: fc.integer({ min: 1, max: 3 }),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150 }), (events) => {
        const admission = new Admission<Flow>(LIMITS);
        const flows = new Set<Flow>();
        const end = (flow: Flow) => {
          admission.ended(flow);
          flows.delete(flow);
        };
        for (const { kind, mac, which } of events) {
          const some = [...flows][which % Math.max(flows.size, 1)];
          if (kind === 'begin' || kind === 'forward') {
            const byGuest = kind === 'begin';
            const displaced = admission.roomFor(mac, byGuest);
            if (displaced === undefined) continue;
            for (const flow of displaced) {
              expect(flow.state).not.toBe('open');
              end(flow);
            }
            const flow: Flow = { ownerMac: mac, state: 'half-open', byGuest };
            admission.begun(flow, byGuest);
            flows.add(flow);
          } else if (some !== undefined && kind === 'establish' && some.state === 'half-open') {
            admission.established(some);
            some.state = 'open';
          } else if (some !== undefined && kind === 'linger' && some.state === 'open') {
            admission.lingers(some);
            some.state = 'lingering';
          } else if (some !== undefined && kind === 'end') end(some);
          const ofGuest = [...flows].filter((flow) => flow.ownerMac === mac);
          const halfOpen = (list: Flow[]) =>
            list.filter((flow) => flow.byGuest && flow.state === 'half-open').length;
          expect(flows.size).toBeLessThanOrEqual(LIMITS.maxFlowsPerNetwork);
          expect(ofGuest.length).toBeLessThanOrEqual(LIMITS.maxFlowsPerGuest);
          expect(halfOpen([...flows])).toBeLessThanOrEqual(LIMITS.maxHalfOpenPerNetwork);
          expect(halfOpen(ofGuest)).toBeLessThanOrEqual(LIMITS.maxHalfOpenPerGuest);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('takes from a flooding guest first', () => {
    const admission = new Admission<Admitted>(LIMITS);
    const other = { ownerMac: 2 };
    admission.begun(other, true);
    const mine = Array.from({ length: 4 }, () => ({ ownerMac: 1 }));
    for (const flow of mine) admission.begun(flow, true);
    expect(admission.roomFor(1, true)).toEqual([mine[0]]);
    expect(admission.roomFor(2, true)).toEqual([]);
  });
});
