import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../wire/tcp.js';
import { SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { ack, rst } = TcpFlag;

/** A connection on which ten segments of 1024 bytes are under way. */
function underWay() {
  const probe = new SegmentProbe();
  const { guest, nat } = probe.open({ mssBytes: 1024 }, 60_000);
  probe.stream.send(Buffer.alloc(30_000, 1));
  expect(probe.take()).toHaveLength(10);
  const acknowledge = (segments: number) =>
    probe.send({ sequence: guest, acknowledgement: nat + 1024 * segments, flags: ack, window: 60_000 });
  return { probe, guest, nat, acknowledge };
}

describe('loss (RFC 5681, 6582, 6298)', () => {
  it('sends the first segment again at the third duplicate, without waiting (RFC 5681 section 3.2)', () => {
    const { nat, acknowledge } = underWay();
    acknowledge(1);
    // Limited transmit (RFC 3042): the first two duplicates let new segments out.
    expect(acknowledge(1)).toMatchObject([{ payload: { length: 1024 } }]);
    expect(acknowledge(1)).toHaveLength(1);
    const third = acknowledge(1);
    expect(third[0]).toMatchObject({ sequence: nat + 1024, payload: { length: 1024 } });
    expect(third).toHaveLength(1);
  });

  it('repairs one hole for each partial acknowledgement (RFC 6582 section 3.2)', () => {
    const { nat, acknowledge } = underWay();
    for (let count = 0; count < 4; count++) acknowledge(1);
    expect(acknowledge(4)[0]).toMatchObject({ sequence: nat + 4 * 1024, payload: { length: 1024 } });
    expect(acknowledge(7)[0]).toMatchObject({ sequence: nat + 7 * 1024, payload: { length: 1024 } });
  });

  it('does not take duplicates after a time-out for a new loss (RFC 6582 section 3.2, step 1)', () => {
    const { probe, nat, acknowledge } = underWay();
    expect(probe.wait(200)).toHaveLength(1);
    for (let count = 0; count < 6; count++) {
      const again = acknowledge(0).filter((answer) => answer.sequence === nat);
      expect(again).toEqual([]);
    }
  });

  it('begins again with one segment after a time-out, and doubles it (RFC 6298 section 5)', () => {
    const { probe, nat } = underWay();
    const at: number[] = [];
    for (let time = 1; time <= 16; time++) {
      const answers = probe.wait(200);
      if (answers.length === 0) continue;
      at.push(time);
      expect(answers).toMatchObject([{ sequence: nat, payload: { length: 1024 } }]);
    }
    expect(at).toEqual([1, 3, 7, 15]);
  });

  it('takes no sample of a segment that was sent twice (Karn, RFC 6298 section 3)', () => {
    const { probe, acknowledge } = underWay();
    probe.wait(3000);
    acknowledge(10);
    // A sample of 3 s would have made the time-out longer than the least.
    probe.take();
    expect(probe.wait(1500).length).toBeGreaterThan(0);
  });

  it('gives up a guest that acknowledges nothing, not before 100 s (RFC 9293 section 3.8.3)', () => {
    const { probe, nat } = underWay();
    probe.wait(100_000);
    expect(probe.stream.wasReset).toBe(false);
    const answers = probe.wait(400_000);
    expect(answers.at(-1)).toMatchObject({ flags: rst | ack, sequence: nat + 10_240 });
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.flows).toBe(0);
  });

  it('sends again what a shrunken window covers (RFC 9293 section 3.8.6, MUST-35)', () => {
    const { probe, guest, nat } = underWay();
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack, window: 0 });
    expect(probe.wait(200)).toMatchObject([{ sequence: nat, payload: { length: 1024 } }]);
  });

  it('grows what may be under way by what is acknowledged (slow start, RFC 5681 section 3.1)', () => {
    const { acknowledge } = underWay();
    expect(acknowledge(2)).toHaveLength(4);
    expect(acknowledge(6)).toHaveLength(8);
  });
});
