import { describe, expect } from 'vitest';
import { IpProtocol } from '../../wire/ipv4.js';
import { TcpFlag } from '../../wire/tcp.js';
import { pathBetween } from './ip-path.js';
import { Random } from '../../../test/fabric/nat/random.js';
import { GUEST_MAC } from '../../../test/fabric/nat/recorded-link.js';
import { type Segment, SegmentProbe } from '../../../test/fabric/nat/segment-probe.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';

const LIMITS = {
  maxFlowsPerGuest: 64,
  maxFlowsPerNetwork: 64,
  maxHalfOpenPerGuest: 16,
  maxHalfOpenPerNetwork: 16,
};

/** A number near one that matters, or anywhere. */
function near(random: Random, numbers: readonly number[]): number {
  if (random.chance(0.1)) return random.integer(0, 0xffff_ffff);
  return (random.pick(numbers) + random.integer(-3000, 3000)) >>> 0;
}

function anySegment(random: Random, numbers: { guest: number[]; nat: number[] }): Segment {
  return {
    sequence: random.chance(0.5) ? random.pick(numbers.guest) >>> 0 : near(random, numbers.guest),
    acknowledgement: random.chance(0.5) ? random.pick(numbers.nat) >>> 0 : near(random, numbers.nat),
    flags: random.chance(0.6) ? TcpFlag.ack : random.integer(0, 255),
    window: random.pick([0, 1, 500, 65_535]),
    payload: Buffer.alloc(random.chance(0.5) ? 0 : random.integer(0, 3000), 1),
    guestPort: 40_000 + random.integer(0, 5),
    ...(random.chance(0.2)
      ? { options: { mssBytes: random.integer(0, 65_535), windowScale: random.integer(0, 14) } }
      : {}),
  };
}

describe('what a guest may send', () => {
  fuzz(
    'never throws, hangs or grows without bound: TCP',
    Array.from({ length: 12 }, (_, seed) => seed),
    (seed) => {
      const random = new Random(seed);
      const probe = new SegmentProbe({
        limits: LIMITS,
        host: { connectMs: 5, takeMs: () => random.integer(0, 3) * 10 },
        initialSequence: random.pick([5000, 0xffff_fff0, 0x7fff_ffff]),
      });
      for (let round = 0; round < 600; round++) {
        const last = probe.take().at(-1);
        const numbers = {
          guest: [
            1000,
            1001,
            last?.acknowledgement ?? 1001,
            (last?.acknowledgement ?? 0) + (last?.window ?? 0),
          ],
          nat: [last?.sequence ?? 5000, (last?.sequence ?? 5000) + (last?.payload.length ?? 0), 5001],
        };
        const packets = Array.from({ length: random.integer(1, 4) }, () =>
          random.chance(0.1)
            ? probe.packet({ sequence: 1000, flags: TcpFlag.syn, guestPort: 40_000 + random.integer(0, 200) })
            : probe.packet(anySegment(random, numbers)),
        );
        for (const packet of packets) {
          if (random.chance(0.1)) packet[random.integer(20, packet.length - 1)]! ^= random.integer(1, 255);
          probe.inject(packet);
        }
        probe.endBatch();
        for (const stream of probe.host.streams.slice(-3)) {
          if (!stream.wasReset && random.chance(0.3))
            stream.send(random.bytes(random.integer(0, 4000)), random.chance(0.02));
        }
        probe.clock.advance(random.pick([0, 1, 10, 1500]));
        expect(probe.flows).toBeLessThanOrEqual(64);
        const answers = probe.take();
        // No amplification of bare segments: what is answered carries data of the host or acknowledges.
        expect(answers.filter((answer) => answer.payload.length === 0).length).toBeLessThanOrEqual(
          packets.length + 70,
        );
      }
      probe.nat.forget('web');
      expect(probe.flows).toBe(0);
      expect(probe.clock.pending).toBeLessThan(3000);
    },
  );

  fuzz('never throws on damaged packets of any protocol, whole or cut short', [77], (seed) => {
    const random = new Random(seed);
    const probe = new SegmentProbe({ limits: LIMITS });
    const paths = [pathBetween('203.0.113.5', '10.0.0.2')!, pathBetween('2001:db8::5', 'fd00::2')!];
    for (let round = 0; round < 4000; round++) {
      const path = random.pick(paths);
      const payload = random.bytes(random.integer(0, 120));
      const packet = Buffer.alloc(path.headerBytes + payload.length);
      const protocols = [IpProtocol.tcp, IpProtocol.icmp, IpProtocol.icmpv6, 0, 43, 44, 60, 132];
      packet.set(payload, path.writeHeader(packet, 0, payload.length, random.pick(protocols)));
      const end = random.chance(0.3) ? random.integer(path.headerBytes, packet.length) : packet.length;
      probe.nat.receive(probe.link, packet, 0, end, GUEST_MAC);
      if (random.chance(0.2)) probe.endBatch();
    }
    expect(probe.flows).toBe(0);
  });
});
