import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  BROADCAST,
  ethernet,
  framed,
  ipv4,
  macNumber,
  macOf,
  unframed,
} from '../../../test/fabric/frames.js';
import { emptyCounters } from '../ports/counters.js';
import type { FrameBatch, Port } from '../ports/port.js';
import { AddressOwners } from './address-owners.js';
import { AGEING_SECONDS, MAX_LEARNED_PER_PORT } from './mac-table.js';
import { SpoofGuard } from './spoof-guard.js';
import { Switch } from './switch.js';

/** Keeps ranges until `flush`, as a real port does, and reads them only then. */
class RecordingPort implements Port {
  readonly counters = emptyCounters();
  readonly frames: Buffer[] = [];
  /** Ranges of each flush that had any. */
  readonly flushes: { start: number; end: number; frameCount: number }[][] = [];
  onFlush: (() => void) | undefined;
  #offered: { batch: FrameBatch; start: number; end: number; frameCount: number }[] = [];

  constructor(readonly id: string) {}

  offer(batch: FrameBatch, start: number, end: number, frameCount: number): void {
    this.#offered.push({ batch, start, end, frameCount });
  }

  flush(): void {
    const offered = this.#offered;
    this.#offered = [];
    if (offered.length > 0) {
      this.flushes.push(offered.map(({ start, end, frameCount }) => ({ start, end, frameCount })));
    }
    for (const { batch, start, end } of offered) {
      this.frames.push(...unframed(Buffer.from(batch.bytes.subarray(start, end))));
    }
    this.onFlush?.();
  }
}

let seconds = 0;
let network: Switch;
let ports: RecordingPort[];
const frame = (from: number, to: number, mark = 0): Buffer =>
  ethernet(0x88b5, Buffer.from([mark, from]), macNumber(from), to === 0 ? BROADCAST : macNumber(to));
const send = (from: number, ...frames: Buffer[]): FrameBatch => {
  const bytes = framed(...frames);
  const batch = { bytes, retained: false };
  network.forward(ports[from]!, batch, 0, bytes.length);
  // A producer uses its buffer again: whoever reads it later reads this.
  bytes.fill(0xee);
  return batch;
};
const texts = (port: RecordingPort): string[] => port.frames.map((bytes) => bytes.toString('hex'));

beforeEach(() => {
  seconds = 0;
  network = new Switch(() => seconds);
  ports = [0, 1, 2, 3].map((index) => new RecordingPort(`p${index}`));
  for (const port of ports) network.attach(port);
});

describe('Switch', () => {
  it('floods what it does not know, and never back to where it came from', () => {
    send(1, frame(1, 2));
    expect(ports.map((port) => port.frames.length)).toEqual([1, 0, 1, 1]);
  });

  it('learns a source and sends to its port alone, until it ages', () => {
    send(2, frame(2, 0));
    send(1, frame(1, 2));
    expect(ports.map((port) => port.frames.length)).toEqual([1, 1, 1, 1]);
    seconds = AGEING_SECONDS;
    network.age();
    expect(network.learnedMacs).toBe(0);
    send(1, frame(1, 2));
    expect(ports.map((port) => port.frames.length)).toEqual([2, 1, 2, 2]);
  });

  it('keeps a station that goes on sending', () => {
    for (seconds = 0; seconds < 2 * AGEING_SECONDS; seconds += 100) {
      send(2, frame(2, 0));
      network.age();
    }
    expect(network.learnedMacs).toBe(1);
  });

  it('merges frames to one port into one range, and flushes each port once', () => {
    send(2, frame(2, 0));
    send(3, frame(3, 0));
    for (const port of ports) port.flushes.length = 0;
    send(1, frame(1, 2, 1), frame(1, 2, 2), frame(1, 3, 3), frame(1, 2, 4), frame(1, 2, 5));
    const bytes = 4 + 14 + 2;
    expect(ports[2]!.flushes).toEqual([
      [
        { start: 0, end: 2 * bytes, frameCount: 2 },
        { start: 3 * bytes, end: 5 * bytes, frameCount: 2 },
      ],
    ]);
    expect(ports[3]!.flushes).toEqual([[{ start: 2 * bytes, end: 3 * bytes, frameCount: 1 }]]);
    expect(ports[0]!.flushes).toEqual([]);
  });

  it('keeps the order of flooded and directed frames', () => {
    send(2, frame(2, 0));
    ports[2]!.frames.length = 0;
    send(1, frame(1, 2, 1), frame(1, 0, 2), frame(1, 2, 3), frame(1, 9, 4));
    expect(ports[2]!.frames.map((bytes) => bytes[14])).toEqual([1, 2, 3, 4]);
  });

  it('drops what would go back, and what stays on its link', () => {
    send(1, frame(1, 0));
    const stp = ethernet(38, Buffer.alloc(8), macNumber(1), 0x0180c2000000);
    const lldp = ethernet(0x88cc, Buffer.alloc(8), macNumber(1), 0x0180c200000e);
    const ptp = ethernet(0x88f7, Buffer.alloc(8), macNumber(1), 0x0180c2000010);
    send(1, frame(8, 1), stp, lldp, ptp);
    expect([...ports[1]!.counters.drops]).toEqual([
      ['same-port', 1],
      ['reserved-group', 2],
    ]);
    expect(ports[0]!.frames).toHaveLength(2);
  });

  it('exchanges nothing between ports of one split horizon group', () => {
    network.attach(ports[0]!, { splitHorizonGroup: 1 });
    network.attach(ports[1]!, { splitHorizonGroup: 1 });
    network.attach(ports[2]!, { splitHorizonGroup: 2 });
    send(0, frame(0, 0));
    expect(ports.map((port) => port.frames.length)).toEqual([0, 0, 1, 1]);
    send(1, frame(1, 0), frame(1, 0x10));
    expect(texts(ports[0]!)).toEqual([]);
  });

  it('gives a pinned MAC to its port alone, whoever sends with it', () => {
    network.attach(ports[2]!, { mac: macNumber(2) });
    send(3, frame(2, 0));
    ports[2]!.frames.length = 0;
    send(1, frame(1, 2));
    expect(ports[2]!.frames).toHaveLength(1);
    expect(network.portOf(macNumber(2))).toBe(ports[2]);
    expect(network.learnedMacs).toBe(1);
  });

  it('does not learn group addresses', () => {
    send(1, ethernet(0x88b5, Buffer.alloc(2), BROADCAST, macNumber(2)));
    expect(network.learnedMacs).toBe(0);
  });

  it('refuses what the guard refuses, counts it by reason, and passes the frames around it', () => {
    const owners = new AddressOwners();
    const guard = new SpoofGuard({ mac: macOf(1), ipv4: '10.0.0.1' }, owners);
    network.attach(ports[1]!, { guard, mac: macNumber(1) });
    const honest = (mark: number): Buffer =>
      ethernet(0x0800, ipv4('10.0.0.1', 6, Buffer.alloc(20, mark)), macNumber(1));
    const spoofed = ethernet(0x0800, ipv4('10.0.0.2', 6, Buffer.alloc(20)), macNumber(1));
    const expected = [honest(1), honest(2), honest(3)].map((bytes) => bytes.toString('hex'));
    send(1, honest(1), spoofed, frame(2, 0), honest(2), honest(3));
    expect(texts(ports[2]!)).toEqual(expected);
    expect([...ports[1]!.counters.drops]).toEqual([
      ['spoofed-ipv4', 1],
      ['spoofed-mac', 1],
    ]);
  });

  it('keeps its table when a port floods 100,000 sources', () => {
    send(2, frame(2, 0));
    for (let batch = 0; batch < 100; batch++) {
      const frames = Array.from({ length: 1000 }, (_, index) =>
        ethernet(0x88b5, Buffer.alloc(2), 0x0200_0000_0000 + batch * 1000 + index, macNumber(2)),
      );
      send(1, ...frames);
    }
    expect(network.learnedMacs).toBe(MAX_LEARNED_PER_PORT + 1);
    // Every one of them went to its destination alone.
    expect(ports[2]!.frames).toHaveLength(100_000);
    expect(ports[3]!.frames).toHaveLength(1);
  });

  it('forgets a port that is detached', () => {
    send(2, frame(2, 0));
    network.detach(ports[2]!);
    for (const port of ports) port.frames.length = 0;
    send(1, frame(1, 2));
    expect(ports.map((port) => port.frames.length)).toEqual([1, 0, 0, 1]);
    send(2, frame(2, 1));
    expect(ports[1]!.frames).toEqual([]);
  });
});

describe('Switch, entered again from a flush', () => {
  it('delivers both batches in order and frees each when its forward returns', () => {
    network.attach(ports[0]!, { mac: macNumber(0) });
    for (const index of [1, 2, 3]) send(index, frame(index, 0));
    for (const port of ports) port.frames.length = 0;
    // The gateway answers each batch to 1 and 2, in a buffer it uses again at once.
    ports[0]!.onFlush = () => send(0, frame(0, 1, 50), frame(0, 2, 51));
    const batch = send(1, frame(1, 2, 1), frame(1, 0, 2), frame(1, 2, 3), frame(1, 3, 4));
    expect(batch.retained).toBe(false);
    expect(ports[0]!.frames.map((bytes) => bytes[14])).toEqual([2]);
    expect(ports[1]!.frames.map((bytes) => bytes[14])).toEqual([50]);
    expect(ports[2]!.frames.map((bytes) => bytes[14])).toEqual([1, 2, 3, 51]);
    expect(ports[3]!.frames.map((bytes) => bytes[14])).toEqual([2, 4]);
  });

  it('holds when the gateway sends in the middle of an offer', () => {
    network.attach(ports[0]!, { mac: macNumber(0) });
    for (const index of [1, 2, 3]) send(index, frame(index, 0));
    for (const port of ports) port.frames.length = 0;
    const gateway = ports[0]!;
    gateway.offer = () => {
      send(0, frame(0, 2, 60), frame(0, 3, 61));
    };
    send(1, frame(1, 2, 1), frame(1, 0, 2), frame(1, 2, 3));
    expect(ports[2]!.frames.map((bytes) => bytes[14])).toEqual([1, 60, 2, 3]);
    expect(ports[3]!.frames.map((bytes) => bytes[14])).toEqual([61, 2]);
  });

  it('behaves as a plain learning bridge would, for any traffic with answers at any depth', () => {
    const traffic = fc.array(
      fc.record({
        from: fc.integer({ min: 1, max: 3 }),
        batch: fc.array(fc.record({ source: fc.nat(5), to: fc.nat(6) }), { minLength: 1, maxLength: 12 }),
        depth: fc.nat(3),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(traffic, (batches) => {
        network = new Switch(() => 0);
        ports = [0, 1, 2, 3].map((index) => new RecordingPort(`p${index}`));
        for (const port of ports) network.attach(port, port.id === 'p0' ? { mac: macNumber(0) } : {});
        const table = new Map([[0, 0]]);
        const expected: string[][] = [[], [], [], []];
        const bridge = (from: number, frames: { source: number; to: number }[], mark: number): void => {
          for (const { source, to } of frames) {
            if (source !== 0) table.set(source, from);
            const way = to === 0 ? undefined : table.get(to === 6 ? 0 : to);
            for (let port = 0; port < 4; port++) {
              if (port !== from && (way === undefined || way === port))
                expected[port]!.push(`${mark}:${source}>${to}`);
            }
          }
        };
        const toFrame = ({ source, to }: { source: number; to: number }, mark: number): Buffer =>
          ethernet(
            0x88b5,
            Buffer.from([mark, source, to]),
            macNumber(source),
            to === 0 ? BROADCAST : macNumber(to === 6 ? 0 : to),
          );
        for (const [mark, { from, batch, depth }] of batches.entries()) {
          let left = depth;
          const gateway = ports[0]!;
          gateway.onFlush = () => {
            if (left-- <= 0) return;
            send(0, ...[1, 2, 3, 4].map((to) => toFrame({ source: 0, to }, 100 + mark)));
          };
          const before = gateway.flushes.length;
          bridge(from, batch, mark);
          send(from, ...batch.map((entry) => toFrame(entry, mark)));
          if (gateway.flushes.length > before) {
            // The gateway's own answers flush it no more, so it answers once.
            if (depth > 0)
              bridge(
                0,
                [1, 2, 3, 4].map((to) => ({ source: 0, to })),
                100 + mark,
              );
          }
        }
        const seen = ports.map((port) =>
          port.frames.map((bytes) => `${bytes[14]}:${bytes[15]}>${bytes[16]}`),
        );
        expect(seen).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
