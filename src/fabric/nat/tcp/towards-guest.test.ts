import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../wire/tcp.js';
import { DropCounters } from '../drops.js';
import { pathBetween } from '../ip-path.js';
import { LinkFlusher } from '../link-flusher.js';
import { FakeClock } from '../../../../test/fabric/nat/fake-clock.js';
import { ModelGuest } from '../../../../test/fabric/nat/model-guest.js';
import { Random } from '../../../../test/fabric/nat/random.js';
import { GUEST_MAC, RecordedLink } from '../../../../test/fabric/nat/recorded-link.js';
import {
  type Answer,
  readSegment,
  type Segment,
  segmentPacket,
} from '../../../../test/fabric/nat/segment-probe.js';
import { SimulatedStream } from '../../../../test/fabric/nat/simulated-host.js';
import { UnreachableSender } from '../unreachable.js';
import { ChunkPool } from './host-queue.js';
import { DEFAULT_TCP_LIMITS, FORWARD_GIVE_UP_MS, MemoryBudget } from './limits.js';
import { TcpNat } from './tcp-nat.js';

const { syn, ack, rst } = TcpFlag;
const NAT_ISS = 0xffff_ff00;
const PATH = pathBetween('10.0.0.2', '198.51.100.9')!;
const ENDS = { path: PATH, guestPort: 80, remotePort: 5555, guestMac: GUEST_MAC };

/** A connection that a client of a forward opens to the guest. */
function setUp(deliver?: (packet: Buffer) => void) {
  const clock = new FakeClock();
  const answers: Answer[] = [];
  const link = new RecordedLink(({ packet }) => {
    answers.push(readSegment(packet, PATH));
    deliver?.(Buffer.from(packet));
  });
  const drops = new DropCounters();
  const tcp = new TcpNat({
    context: {
      link,
      flusher: new LinkFlusher(link, clock),
      clock,
      limits: DEFAULT_TCP_LIMITS,
      budget: new MemoryBudget(1 << 24),
      chunks: new ChunkPool(),
    },
    drops,
    unreachable: new UnreachableSender(link, clock),
    initialSequence: () => NAT_ISS,
    route: () => 'refused',
  });
  const streams: SimulatedStream[] = [];
  const open = () =>
    tcp.connectGuest(ENDS, (events) => {
      const target = { family: 4, address: '198.51.100.9', port: 5555 } as const;
      const stream = new SimulatedStream(target, events, clock, { connectMs: 0 });
      streams.push(stream);
      return stream;
    });
  const inject = (packet: Buffer) => {
    tcp.receive(4, packet, 0, 20, packet.length, GUEST_MAC, clock.nowMs());
    tcp.endOfBatch(clock.nowMs());
    link.flush();
  };
  const send = (segment: Segment) => {
    answers.length = 0;
    inject(segmentPacket(PATH, 80, 5555, segment));
    return answers.splice(0);
  };
  const take = () => answers.splice(0);
  return { clock, tcp, streams, open, inject, send, take };
}

describe('opening a connection to a guest (RFC 9293 section 3.10.7.3)', () => {
  it('sends a SYN, completes the handshake and carries data over the wrap', () => {
    const { clock, streams, open, send, take } = setUp();
    expect(open()).toBe(true);
    expect(take()).toMatchObject([
      { flags: syn, sequence: NAT_ISS, options: { mssBytes: 1460, windowScale: 4, sackPermitted: true } },
    ]);
    const answer = {
      sequence: 700,
      acknowledgement: NAT_ISS + 1,
      flags: syn | ack,
      options: { mssBytes: 1000 },
    };
    expect(send({ ...answer, window: 3000 })).toMatchObject([
      { flags: ack, sequence: NAT_ISS + 1, acknowledgement: 701 },
    ]);
    clock.advance(1);
    streams[0]!.send(Buffer.alloc(5000));
    expect(take().map((segment) => segment.payload.length)).toEqual([1000, 1000, 1000]);
  });

  it('opens one connection between the same ends', () => {
    const { open } = setUp();
    expect([open(), open()]).toEqual([true, false]);
  });

  it('resets the client when the guest refuses, but not for a reset of something else', () => {
    const { streams, open, send, tcp } = setUp();
    open();
    send({ sequence: 0, acknowledgement: NAT_ISS, flags: rst | ack });
    send({ sequence: 0, flags: rst });
    expect(streams[0]!.wasReset).toBe(false);
    expect(send({ sequence: 0, acknowledgement: NAT_ISS + 1, flags: rst | ack })).toEqual([]);
    expect(streams[0]!.wasReset).toBe(true);
    expect(tcp.flowCount).toBe(0);
  });

  it('resets an old connection of the guest (first check) and goes on', () => {
    const { open, send, clock, take } = setUp();
    open();
    expect(send({ sequence: 3, acknowledgement: 12_345, flags: ack })).toMatchObject([
      { flags: rst, sequence: 12_345 },
    ]);
    clock.advance(1000);
    expect(take()).toMatchObject([{ flags: syn, sequence: NAT_ISS }]);
  });

  it('opens when both sides send a SYN (section 3.5, figure 7)', () => {
    const { open, send, streams, clock, take } = setUp();
    open();
    expect(send({ sequence: 700, flags: syn, options: { mssBytes: 1000 } })).toMatchObject([
      { flags: syn | ack, sequence: NAT_ISS, acknowledgement: 701 },
    ]);
    send({ sequence: 701, acknowledgement: NAT_ISS + 1, flags: ack });
    clock.advance(1);
    streams[0]!.send(Buffer.from('x'));
    expect(take()).toMatchObject([{ payload: Buffer.from('x') }]);
  });

  it('asks again with back-off, then gives up and resets the client', () => {
    const { open, clock, take, streams, tcp } = setUp();
    open();
    take();
    clock.advance(FORWARD_GIVE_UP_MS - 1);
    expect(take().map((segment) => segment.flags)).toEqual([syn, syn, syn]);
    expect(streams[0]!.wasReset).toBe(false);
    clock.advance(1);
    expect(streams[0]!.wasReset).toBe(true);
    expect(tcp.flowCount).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('carries bytes both ways, whatever was read from the client before', () => {
    for (let seed = 0; seed < 10; seed++) {
      const random = new Random(seed);
      const lab: { guest?: ModelGuest } = {};
      const { clock, streams, open, inject } = setUp((packet) =>
        clock.after(1, () => lab.guest?.receive(packet)),
      );
      const guest = new ModelGuest({
        clock,
        port: 80,
        initialSequence: random.integer(0, 0xffff_ffff),
        mssBytes: 1460,
        windowScale: random.integer(0, 8),
        bufferBytes: 100_000,
        send: (packet) => clock.after(1, () => inject(packet)),
      });
      lab.guest = guest;
      guest.listen();
      open();
      const [upload, download] = [random.bytes(50_000), random.bytes(50_000)];
      clock.advance(1);
      streams[0]!.send(upload, true);
      guest.write(download);
      expect(clock.runUntil(() => guest.finReceived, 500)).toBe(true);
      guest.close();
      expect(clock.runUntil(() => guest.done && streams[0]!.ended, 500)).toBe(true);
      expect(guest.violations).toEqual([]);
      expect(guest.receivedBytes.equals(upload)).toBe(true);
      expect(streams[0]!.receivedBytes.equals(download)).toBe(true);
    }
  });
});
