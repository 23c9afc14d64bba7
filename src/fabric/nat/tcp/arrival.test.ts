import { describe, expect, it } from 'vitest';
import { sequenceAdd, TcpFlag } from '../../../wire/tcp.js';
import { SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { syn, ack, rst, psh, urg } = TcpFlag;
const text = (value: string) => Buffer.from(value);

describe('segments that do not belong (RFC 9293 section 3.10.7.4, RFC 5961)', () => {
  it('resets at exactly RCV.NXT only (RFC 5961 section 3.2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    expect(probe.send({ sequence: guest + 1, flags: rst })).toMatchObject([
      { flags: ack, acknowledgement: guest, sequence: nat },
    ]);
    expect(probe.send({ sequence: guest - 1, flags: rst })).toEqual([]);
    expect(probe.send({ sequence: guest + 70_000, flags: rst })).toEqual([]);
    expect(probe.stream.wasReset).toBe(false);
    expect(probe.send({ sequence: guest, flags: rst })).toEqual([]);
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.flows).toBe(0);
  });

  it('challenges a SYN in an open connection (RFC 5961 section 4.2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    for (const sequence of [guest, guest - 1, guest + 5, guest + 900_000]) {
      expect(probe.send({ sequence, flags: syn })).toMatchObject([
        { flags: ack, sequence: nat, acknowledgement: guest },
      ]);
    }
    expect(probe.flows).toBe(1);
  });

  it('challenges an acknowledgement of what was not sent, and drops its data (RFC 5961 section 5.2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    const answers = probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack, payload: text('x') });
    expect(answers).toMatchObject([{ flags: ack, acknowledgement: guest }]);
    expect(probe.stream.receivedBytes).toHaveLength(0);
    const old = probe.send({
      sequence: guest,
      acknowledgement: sequenceAdd(nat, -100_000),
      flags: ack,
      payload: text('x'),
    });
    expect(old).toMatchObject([{ flags: ack, acknowledgement: guest }]);
    expect(probe.stream.receivedBytes).toHaveLength(0);
  });

  it('limits its challenges (RFC 5961 section 7)', () => {
    const probe = new SegmentProbe();
    const { guest } = probe.open();
    const answered = () => {
      let count = 0;
      for (let index = 0; index < 50; index++)
        count += probe.send({ sequence: guest + 1, flags: rst }).length;
      return count;
    };
    expect(answered()).toBe(10);
    probe.wait(1000);
    expect(answered()).toBe(10);
  });

  it('acknowledges what it has already, and drops it (first check)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack | psh, payload: text('once') });
    const again = probe.send({
      sequence: guest,
      acknowledgement: nat,
      flags: ack | psh,
      payload: text('once'),
    });
    expect(again).toMatchObject([{ flags: ack, acknowledgement: guest + 4 }]);
    expect(probe.stream.receivedBytes.toString()).toBe('once');
  });

  it('answers a keep-alive (section 3.8.4)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    const answers = probe.send({ sequence: guest - 1, acknowledgement: nat, flags: ack });
    expect(answers).toMatchObject([{ flags: ack, acknowledgement: guest, sequence: nat }]);
  });

  it('takes no segment without ACK (fifth check)', () => {
    const probe = new SegmentProbe();
    const { guest } = probe.open();
    expect(probe.send({ sequence: guest, flags: psh, payload: text('x') })).toEqual([]);
    expect(probe.wait(1000)).toEqual([]);
    expect(probe.stream.receivedBytes).toHaveLength(0);
  });

  it('delivers urgent data in line (RFC 6093)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack | urg | psh, payload: text('abc') });
    expect(probe.stream.receivedBytes.toString()).toBe('abc');
  });
});
