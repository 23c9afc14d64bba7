import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../wire/tcp.js';
import { SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { ack, rst } = TcpFlag;

describe('silence (RFC 5382 REQ-5, RFC 9293 section 3.8.4)', () => {
  const hour = 3_600_000;

  it('asks a guest that was silent for 2 h, and stays while it answers', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    expect(probe.wait(2 * hour - 1000)).toEqual([]);
    expect(probe.stream.askedAlive).toBe(false);
    expect(probe.wait(2000)).toMatchObject([{ sequence: nat - 1, acknowledgement: guest, flags: ack }]);
    for (let day = 0; day < 3; day++) {
      probe.send({ sequence: guest, acknowledgement: nat, flags: ack });
      probe.wait(2 * hour + 1000);
    }
    expect(probe.flows).toBe(1);
    expect(probe.stream.wasReset).toBe(false);
    // The host is asked as well: the guest cannot find out by itself.
    expect(probe.stream.askedAlive).toBe(true);
  });

  it('ends a connection whose guest is silent for 2 h 4 min, on both sides', () => {
    const probe = new SegmentProbe();
    probe.open();
    const answers = probe.wait(2 * hour + 239_000);
    expect(answers.length).toBeGreaterThan(4);
    expect(probe.flows).toBe(1);
    expect(probe.wait(31_000).at(-1)?.flags).toBe(rst | ack);
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.flows).toBe(0);
  });
});
