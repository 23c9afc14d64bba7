/** TCP towards the machine, rule by rule: on a real fabric process, and by the clock where a rule takes minutes. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../../src/wire/tcp.js';
import { GUEST_ISS, SegmentProbe } from '../../../fabric/nat/segment-probe.js';
import { NatLab, textFrom } from './nat-lab.js';

const { ack, fin, psh, rst, syn, urg } = TcpFlag;
const MINUTE_MS = 60_000;

let lab: NatLab;
beforeAll(async () => {
  lab = await NatLab.open();
});
afterAll(() => lab[Symbol.asyncDispose]());

const closedPort = async (): Promise<number> => {
  const { server, port } = await lab.serve();
  server.close();
  await once(server, 'close');
  return port;
};

describe('opening', () => {
  it('answers SYN only once the host side is connected (RFC 9293 section 3.5)', () => {
    const probe = new SegmentProbe({ host: { connectMs: 700 } });
    expect(probe.send({ sequence: GUEST_ISS, flags: syn })).toEqual([]);
    expect(probe.wait(699)).toEqual([]);
    expect(probe.wait(1)).toMatchObject([{ flags: syn | ack, acknowledgement: GUEST_ISS + 1 }]);
  });

  it('resets what the host refuses (RFC 9293 section 3.5.2)', async () => {
    const flow = lab.dial(await closedPort());
    flow.send(syn);
    expect(await flow.next('answer')).toMatchObject({ flags: rst | ack, acknowledgement: 1001 });
  });

  it.each([
    ['EHOSTUNREACH', 1],
    ['ENETUNREACH', 0],
  ])('says of %s what it is (RFC 792, RFC 1122 section 3.2.2.1)', (errorCode, code) => {
    const probe = new SegmentProbe({ host: { errorCode } });
    probe.send({ sequence: GUEST_ISS, flags: syn });
    expect(probe.wait(1)).toEqual([]);
    const [packet] = probe.others;
    expect([packet?.[9], packet?.[20], packet?.[21]]).toEqual([1, 3, code]);
    // The packet that it quotes is the machine's own.
    expect(packet?.subarray(40, 44).join('.')).toBe('10.0.0.2');
    expect(packet?.readUInt16BE(48)).toBe(40_000);
  });

  it('is silent when the host times out, as the net would be (RFC 9293 section 3.8.3)', () => {
    const probe = new SegmentProbe({ host: { errorCode: 'ETIMEDOUT' } });
    probe.send({ sequence: GUEST_ISS, flags: syn });
    expect(probe.wait(MINUTE_MS)).toEqual([]);
    expect([probe.others, probe.flows]).toEqual([[], 0]);
  });

  it('makes one connection of a SYN that is repeated (RFC 9293 section 3.8.1)', async () => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    flow.send(syn);
    flow.send(syn);
    await flow.nextWith(syn | ack);
    await delay(100);
    expect(connections).toHaveLength(1);
  });

  it.each([
    ['the MSS of the option', { mssBytes: 1000 }, 1000],
    ['536 bytes without one', {}, 536],
  ])('sends segments of %s (RFC 9293 section 3.7.1)', async (_, options, mssBytes) => {
    const { port } = await lab.serve((socket) => socket.write(Buffer.alloc(5000)));
    const flow = lab.dial(port);
    await flow.open(options);
    const answer = await flow.next('data', ({ payload }) => payload.length > 0);
    expect(answer.payload.length).toBe(mssBytes);
  });

  it('scales windows when the machine offers to, and only then (RFC 7323 section 2.2)', async () => {
    const { port } = await lab.serve();
    expect((await lab.dial(port).open({ windowScale: 7 })).options.windowScale).toBeGreaterThan(0);
    expect((await lab.dial(port).open({ mssBytes: 1460 })).options.windowScale).toBeUndefined();
  });
});

describe('carrying', () => {
  it('puts segments out of order together, and acknowledges twice (RFC 5681 section 4.2)', async () => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    await flow.open();
    const start = flow.sequence;
    flow.send(ack | psh, { payload: Buffer.from('world'), at: start + 6 });
    expect((await flow.next('duplicate acknowledgement')).acknowledgement).toBe(start);
    flow.send(ack | psh, { payload: Buffer.from('hello '), at: start });
    expect((await flow.next('acknowledgement', (one) => one.acknowledgement !== start)).acknowledgement).toBe(
      start + 11,
    );
    const received: Buffer[] = [];
    connections[0]!.on('data', (bytes: Buffer) => received.push(bytes));
    await expect.poll(() => Buffer.concat(received).toString()).toBe('hello world');
  });

  it('takes urgent data for data (RFC 6093 section 5)', async () => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    await flow.open();
    flow.send(ack | psh | urg, { payload: Buffer.from('urgent') });
    await expect.poll(() => textFrom(connections[0])).toBe('urgent');
  });

  it('waits a round trip and 200 ms for an acknowledgement, and doubles that (RFC 6298 sections 2.3 and 5.5)', () => {
    const probe = new SegmentProbe();
    probe.open();
    probe.stream.send(Buffer.from('x'));
    expect(probe.wait(0)).toHaveLength(1);
    for (const timeoutMs of [200, 400, 800]) {
      expect(probe.wait(timeoutMs - 1)).toEqual([]);
      expect(probe.wait(1)).toMatchObject([{ payload: Buffer.from('x') }]);
    }
  });

  it('repeats only what was lost to a machine that acknowledges selectively (RFC 6675 section 5)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1460, sackPermitted: true });
    probe.stream.send(Buffer.alloc(10 * 1460, 1));
    expect(probe.wait(0).length).toBe(10);
    const at = (segment: number) => nat + segment * 1460;
    const sackBlocks = [
      { left: at(1), right: at(3) },
      { left: at(4), right: at(10) },
    ];
    const answers = probe.send({
      sequence: guest,
      acknowledgement: nat,
      flags: ack,
      options: { sackBlocks },
    });
    expect(answers.map(({ sequence }) => sequence)).toEqual([at(0), at(3)]);
  });

  it('repeats at the third duplicate acknowledgement, without waiting (RFC 5681 section 3.2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(5 * 1460, 1));
    expect(probe.wait(0).length).toBe(5);
    const duplicate = { sequence: guest, acknowledgement: nat, flags: ack };
    expect(probe.send(duplicate, duplicate)).toEqual([]);
    const [again] = probe.send(duplicate);
    expect(again).toMatchObject({ sequence: nat });
    expect(again?.payload.length).toBe(1460);
  });

  it('asks a closed window whether it has opened (RFC 9293 section 3.8.6.1)', () => {
    const probe = new SegmentProbe();
    const { nat } = probe.open({ mssBytes: 1460 }, 0);
    probe.stream.send(Buffer.from('abc'));
    expect(probe.wait(0)).toEqual([]);
    const [question] = probe.wait(2000);
    expect(question).toMatchObject({ sequence: nat, payload: Buffer.from('a') });
  });

  it('offers what it can hold less what waits, and never takes an offer back (RFC 9293 section 3.8.6)', () => {
    const probe = new SegmentProbe({ host: { takeMs: () => 10_000 } });
    let { guest, nat } = probe.open();
    let edge = 0;
    for (let count = 0; count < 60; count++) {
      const payload = Buffer.alloc(1460, count);
      const answers = probe.send({ sequence: guest, acknowledgement: nat, flags: ack, payload });
      guest += payload.length;
      for (const { acknowledgement, window } of [...answers, ...probe.wait(10)]) {
        expect(acknowledgement + window * 16).toBeGreaterThanOrEqual(edge);
        edge = Math.max(edge, acknowledgement + window * 16);
      }
    }
    // It stopped growing while the host takes nothing.
    expect(edge - GUEST_ISS).toBeLessThan(2 * 1024 * 1024);
  });

  it('compares numbers that wrap around (RFC 9293 section 3.4)', () => {
    const probe = new SegmentProbe({ initialSequence: 0xffff_fffe });
    const { guest, nat } = probe.open();
    expect(nat).toBe(0xffff_ffff);
    probe.stream.send(Buffer.from('around'));
    expect(probe.wait(0)).toMatchObject([{ sequence: 0xffff_ffff, payload: Buffer.from('around') }]);
    probe.send({ sequence: guest, acknowledgement: 5, flags: ack });
    expect(probe.wait(10_000)).toEqual([]);
  });
});

describe('ending', () => {
  it('closes one way at a time, the machine first (RFC 9293 section 3.6)', async () => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    await flow.open();
    flow.send(fin | ack);
    await flow.next('acknowledgement of FIN', (one) => one.acknowledgement === flow.sequence + 1);
    await expect.poll(() => connections[0]?.readableEnded || (connections[0]?.resume(), false)).toBe(true);
    connections[0]!.end('still open this way');
    const answer = await flow.next('data', ({ payload }) => payload.length > 0);
    expect(answer.payload.toString()).toBe('still open this way');
    if ((answer.flags & fin) === 0) await flow.nextWith(fin);
  });

  it('closes one way at a time, the host first (RFC 9293 section 3.6)', async () => {
    const { port, connections } = await lab.serve((socket) => socket.end());
    const flow = lab.dial(port);
    await flow.open();
    flow.acknowledgement = ((await flow.nextWith(fin)).sequence + 1) >>> 0;
    flow.send(ack | psh, { payload: Buffer.from('late word') });
    await expect.poll(() => textFrom(connections[0])).toBe('late word');
  });

  it('resets the host when the machine resets (RFC 9293 section 3.5.3)', async () => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    await flow.open();
    await expect.poll(() => connections.length).toBe(1);
    const failed = once(connections[0]!, 'error');
    connections[0]!.resume();
    flow.send(rst | ack);
    expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });

  it('resets the machine when the host resets (RFC 9293 section 3.5.3)', async () => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    await flow.open();
    await expect.poll(() => connections.length).toBe(1);
    connections[0]!.resetAndDestroy();
    expect(await flow.nextWith(rst)).toBeDefined();
  });

  it('resets a segment of no flow, but never a reset (RFC 9293 section 3.5.2)', async () => {
    const flow = lab.dial(4, 39_000);
    flow.acknowledgement = 77;
    flow.send(ack);
    expect(await flow.nextWith(rst)).toMatchObject({ sequence: 77 });
    flow.send(rst | ack);
    await delay(100);
    expect(lab.guest.takeFrames().filter((frame) => frame.readUInt16BE(36) === 39_000)).toEqual([]);
  });

  it.each([
    ['SYN', syn, 1],
    ['reset that is off by one', rst | ack, 1],
  ])('challenges a %s inside a connection (RFC 5961 sections 3.2 and 4.2)', async (_, flags, ahead) => {
    const { port, connections } = await lab.serve();
    const flow = lab.dial(port);
    await flow.open();
    flow.send(flags, { at: flow.sequence + ahead });
    expect(await flow.next('challenge', (one) => one.flags === ack)).toMatchObject({
      acknowledgement: flow.sequence,
    });
    flow.send(ack | psh, { payload: Buffer.from('alive') });
    await expect.poll(() => textFrom(connections[0])).toBe('alive');
  });

  it('repeats its FIN until it is acknowledged (RFC 9293 section 3.10.8)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    expect(probe.wait(0)).toMatchObject([{ sequence: nat, flags: fin | ack }]);
    expect(probe.wait(200)).toMatchObject([{ sequence: nat, flags: fin | ack }]);
    probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack });
    expect(probe.wait(10_000)).toEqual([]);
  });

  it('remembers for 2 MSL what it closed first (RFC 9293 section 3.6.1)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    probe.wait(0);
    const last = { sequence: guest, acknowledgement: nat + 1, flags: fin | ack };
    probe.send(last);
    probe.wait(100);
    expect(probe.send(last)).toMatchObject([{ flags: ack, acknowledgement: guest + 1 }]);
    probe.wait(2 * MINUTE_MS);
    expect(probe.flows).toBe(0);
  });

  it('lets a silent connection live for 2 h 4 min (RFC 5382 REQ-5)', () => {
    const probe = new SegmentProbe();
    probe.open();
    probe.wait(124 * MINUTE_MS - 1);
    expect(probe.flows).toBe(1);
    probe.wait(MINUTE_MS);
    expect(probe.flows).toBe(0);
  });
});
