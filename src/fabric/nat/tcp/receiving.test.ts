import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../wire/tcp.js';
import { SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { ack, fin, psh } = TcpFlag;
const text = (value: string) => Buffer.from(value);

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
    expect(probe.wait(199)).toEqual([]);
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
