import { describe, expect, it } from 'vitest';
import { sequenceAdd, TcpFlag } from '../../../wire/tcp.js';
import { SegmentProbe } from '../testing/segment-probe.js';

const { syn, ack, rst, fin, psh, urg } = TcpFlag;
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

describe('receiving (RFC 9293 section 3.8)', () => {
  it('keeps what comes out of order and asks for the gap at once (RFC 5681 section 4.2, RFC 2018 section 4)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1460, windowScale: 7, sackPermitted: true });
    const at = (offset: number, payload: string) =>
      probe.send({ sequence: guest + offset, acknowledgement: nat, flags: ack, payload: text(payload) });
    const block = (left: number, right: number) => ({ left: guest + left, right: guest + right });
    expect(at(10, 'klmno')).toMatchObject([
      { acknowledgement: guest, options: { sackBlocks: [block(10, 15)] } },
    ]);
    expect(at(20, 'uvwxy')).toMatchObject([
      { acknowledgement: guest, options: { sackBlocks: [block(20, 25), block(10, 15)] } },
    ]);
    expect(at(5, 'fghij')).toMatchObject([
      { acknowledgement: guest, options: { sackBlocks: [block(5, 15), block(20, 25)] } },
    ]);
    expect(at(0, 'abcde')).toMatchObject([
      { acknowledgement: guest + 15, options: { sackBlocks: [block(20, 25)] } },
    ]);
    expect(at(13, 'nopqrstuv')).toMatchObject([{ acknowledgement: guest + 25, options: {} }]);
    expect(probe.stream.receivedBytes.toString()).toBe('abcdefghijklmnopqrstuvwxy');
  });

  it('sends one duplicate acknowledgement for each segment, so that the guest can count (RFC 5681 section 3.2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    const later = [1, 2, 3, 4].map((index) => ({
      sequence: guest + 100 * index,
      acknowledgement: nat,
      flags: ack,
      payload: Buffer.alloc(100),
    }));
    const answers = probe.send(...later);
    expect(answers).toHaveLength(4);
    expect(new Set(answers.map((answer) => `${answer.acknowledgement} ${answer.window}`)).size).toBe(1);
    expect(answers[0]?.options).toEqual({});
  });

  it('keeps a FIN that came early for its place', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.send({ sequence: guest + 3, acknowledgement: nat, flags: ack | fin, payload: text('def') });
    expect(probe.stream.ended).toBe(false);
    const answers = probe.send({ sequence: guest, acknowledgement: nat, flags: ack, payload: text('abc') });
    expect(answers).toMatchObject([{ acknowledgement: guest + 7 }]);
    expect(probe.stream.receivedBytes.toString()).toBe('abcdef');
    expect(probe.stream.ended).toBe(true);
  });

  it('acknowledges two segments at once and a single one within 500 ms (section 3.8.6.3)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    const full = (index: number) => ({
      sequence: guest + 1460 * index,
      acknowledgement: nat,
      flags: ack,
      payload: Buffer.alloc(1460),
    });
    expect(probe.send(full(0), full(1))).toMatchObject([{ acknowledgement: guest + 2920 }]);
    expect(probe.send(full(2))).toEqual([]);
    expect(probe.wait(499)).toMatchObject([{ acknowledgement: guest + 4380 }]);
    expect(probe.send(full(3))).toEqual([]);
    expect(probe.send(full(4))).toMatchObject([{ acknowledgement: guest + 7300 }]);
  });

  it('lets an acknowledgement travel with data', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack | psh, payload: text('ping') });
    probe.stream.send(text('pong'));
    expect(probe.take()).toMatchObject([{ acknowledgement: guest + 4, payload: text('pong') }]);
    expect(probe.wait(900)).toEqual([]);
  });

  it('closes its window while the host takes nothing, and opens it again (section 3.8.6)', () => {
    let taking = false;
    const probe = new SegmentProbe({ host: { takeMs: () => (taking ? 0 : 60_000) } });
    const { guest, nat } = probe.open({ mssBytes: 1460 });
    let next = guest;
    let edge = 0;
    for (;;) {
      const [answer] = [
        ...probe.send({ sequence: next, acknowledgement: nat, flags: ack, payload: Buffer.alloc(1000, 1) }),
        ...probe.wait(5),
      ];
      if (answer === undefined) throw new Error('no acknowledgement');
      expect(answer.acknowledgement + answer.window).toBeGreaterThanOrEqual(edge);
      edge = answer.acknowledgement + answer.window;
      next = answer.acknowledgement;
      if (answer.window < 1000) break;
    }
    expect(next - guest).toBeGreaterThan(60_000);
    // What fits is taken; what is beyond is not (first check), and does not widen the window.
    const [last] = probe.send({
      sequence: next,
      acknowledgement: nat,
      flags: ack,
      payload: Buffer.alloc(1460, 1),
    });
    expect(last).toMatchObject({ acknowledgement: edge, window: 0 });
    const probed = probe.send({ sequence: edge, acknowledgement: nat, flags: ack, payload: text('?') });
    expect(probed).toMatchObject([{ acknowledgement: edge, window: 0 }]);
    taking = true;
    const opened = probe.wait(60_000);
    expect(opened).toMatchObject([{ acknowledgement: edge, window: 65_535 }]);
    expect(probe.stream.receivedBytes).toHaveLength(edge - guest);
  });

  it('bounds the segments it keeps out of order', () => {
    const probe = new SegmentProbe({ limits: { maxReassemblySegments: 4 } });
    const { guest, nat } = probe.open({ mssBytes: 1460, sackPermitted: true });
    for (let index = 1; index <= 20; index++) {
      probe.send({ sequence: guest + 10 * index, acknowledgement: nat, flags: ack, payload: text('x') });
    }
    const answers = probe.send({
      sequence: guest + 500,
      acknowledgement: nat,
      flags: ack,
      payload: text('y'),
    });
    expect(answers[0]?.options.sackBlocks).toHaveLength(4);
  });
});

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
    for (let second = 1; second <= 32; second++) {
      const answers = probe.wait(1000);
      if (answers.length === 0) continue;
      at.push(second);
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
    probe.wait(1000);
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

describe('silence (RFC 5382 REQ-5, RFC 9293 section 3.8.4)', () => {
  const hour = 3_600_000;

  it('asks a guest that was silent for 2 h, and stays while it answers', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    expect(probe.wait(2 * hour - 1000)).toEqual([]);
    expect(probe.wait(2000)).toMatchObject([{ sequence: nat - 1, acknowledgement: guest, flags: ack }]);
    for (let day = 0; day < 3; day++) {
      probe.send({ sequence: guest, acknowledgement: nat, flags: ack });
      probe.wait(2 * hour + 1000);
    }
    expect(probe.flows).toBe(1);
    expect(probe.stream.wasReset).toBe(false);
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
