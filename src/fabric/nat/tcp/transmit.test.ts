import { describe, expect, it } from 'vitest';
import { sequenceAdd, TcpFlag } from '../../../wire/tcp.js';
import { SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { ack, psh, rst } = TcpFlag;
const text = (value: string) => Buffer.from(value);

describe('sending (RFC 9293 section 3.8)', () => {
  it('keeps to the window of the guest and to its MSS', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 2500);
    probe.stream.send(Buffer.alloc(5000));
    expect(probe.take().map((answer) => answer.payload.length)).toEqual([1000, 1000]);
    const more = probe.send({ sequence: guest, acknowledgement: nat + 2000, flags: ack, window: 3500 });
    expect(more.map((answer) => answer.payload.length)).toEqual([1000, 1000, 1000]);
    expect(more.at(-1)?.flags).toBe(ack | psh);
  });

  it('does not send silly segments while others are under way (section 3.8.6.2.1)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 10_000);
    probe.stream.send(Buffer.alloc(30_000));
    expect(probe.take()).toHaveLength(10);
    expect(probe.send({ sequence: guest, acknowledgement: nat + 1000, flags: ack, window: 9100 })).toEqual(
      [],
    );
    expect(
      probe.send({ sequence: guest, acknowledgement: nat + 2000, flags: ack, window: 9000 }),
    ).toHaveLength(1);
  });

  it('probes a closed window with back-off and never gives it up while it is answered (section 3.8.6.1)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 0);
    probe.stream.send(text('abc'));
    expect(probe.take()).toEqual([]);
    const at: number[] = [];
    for (let time = 1; time <= 32; time++) {
      const answers = probe.wait(200);
      if (answers.length === 0) continue;
      at.push(time);
      expect(answers).toMatchObject([{ sequence: nat, payload: text('a') }]);
      probe.send({ sequence: guest, acknowledgement: nat, flags: ack, window: 0 });
    }
    expect(at).toEqual([1, 3, 7, 15, 31]);
    for (let minute = 0; minute < 24 * 60; minute++) {
      probe.wait(60_000);
      probe.send({ sequence: guest, acknowledgement: nat, flags: ack, window: 0 });
    }
    expect(probe.stream.wasReset).toBe(false);
    expect(probe.send({ sequence: guest, acknowledgement: nat, flags: ack, window: 1000 })).toMatchObject([
      { sequence: nat, payload: text('abc') },
    ]);
  });

  it('gives up a guest that answers no probe (section 3.8.3)', () => {
    const probe = new SegmentProbe();
    probe.open({ mssBytes: 1000 }, 0);
    probe.stream.send(text('abc'));
    probe.wait(100_000);
    expect(probe.stream.wasReset).toBe(false);
    const answers = probe.wait(300_000);
    expect(answers.at(-1)?.flags).toBe(rst | ack);
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.flows).toBe(0);
  });

  it('takes a byte that a closed window let through', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 0);
    probe.stream.send(text('abc'));
    expect(probe.wait(200)).toHaveLength(1);
    const answers = probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack, window: 1000 });
    expect(answers).toMatchObject([{ sequence: nat + 1, payload: text('bc') }]);
  });

  it('ignores the window of an old segment (SND.WL1, SND.WL2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 1000);
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack, payload: text('new'), window: 2000 });
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack, payload: text('new'), window: 0 });
    probe.stream.send(Buffer.alloc(2000));
    expect(probe.take().filter((answer) => answer.payload.length > 0)).toHaveLength(2);
  });

  it('leaves the right edge where it is when an old segment acknowledges (section 3.8.6)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 2000);
    probe.stream.send(Buffer.alloc(8000));
    expect(probe.take()).toHaveLength(2);
    probe.send({ sequence: guest + 5, acknowledgement: nat, flags: ack, payload: text('new'), window: 2000 });
    const older = {
      sequence: guest,
      acknowledgement: nat + 2000,
      flags: ack,
      payload: text('o'),
      window: 2000,
    };
    expect(probe.send(older).filter((answer) => answer.payload.length > 0)).toEqual([]);
  });

  it('waits for a port whose queue is full, and looks again', () => {
    const probe = new SegmentProbe();
    probe.open();
    probe.link.queued = 1 << 20;
    probe.stream.send(text('abc'));
    expect(probe.wait(50)).toEqual([]);
    probe.link.queued = 0;
    expect(probe.wait(10)).toMatchObject([{ payload: text('abc') }]);
  });

  it('does not read the host beyond what it keeps for the guest', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1460 }, 20_000);
    const data = Buffer.alloc(500_000, 7);
    probe.stream.send(data);
    const sent = probe.take().reduce((sum, answer) => sum + answer.payload.length, 0);
    expect(sent).toBeLessThanOrEqual(20_000);
    let acknowledged = nat;
    let received = sent;
    for (let round = 0; round < 200 && received < data.length; round++) {
      acknowledged = sequenceAdd(nat, received);
      const answers = probe.send({
        sequence: guest,
        acknowledgement: acknowledged,
        flags: ack,
        window: 20_000,
      });
      received += answers.reduce((sum, answer) => sum + answer.payload.length, 0);
    }
    expect(received).toBe(data.length);
  });
});
