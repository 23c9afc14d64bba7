import { describe, expect, it } from 'vitest';
import { RecordingPort } from '../../../../test/fabric/recording-port.js';
import { seededRandom } from '../../../../test/fabric/seeded-random.js';
import { GUARD_BYTE, GUEST_BASE, VirtioDriver } from '../../../../test/fabric/virtio-driver.js';
import { ChunkPool } from '../chunk-pool.js';
import { FrameIntake } from '../frame-intake.js';
import { PortTaps } from '../port-taps.js';
import { FramesFromGuest, FramesToGuest } from './guest-frames.js';
import { Virtqueue } from './virtqueue.js';

const ROUNDS = 3000;
const MEMORY_BYTES = 1 << 20;
/** Where tables of indirect descriptors lie. */
const TABLES_AT = 0x1_0000;

/** Descriptors such as a hostile guest writes: edges of its memory, circles, lengths of 4 GB, tables within tables. */
function hostileRing(random: (bound: number) => number): VirtioDriver {
  const size = 1 << random(6);
  const driver = new VirtioDriver(size, random(0x1_0000));
  const edges = [0, GUEST_BASE - 1, GUEST_BASE, GUEST_BASE + MEMORY_BYTES - 1, GUEST_BASE + MEMORY_BYTES];
  const lengths = [0, 1, 11, 12, 16, 4096, MEMORY_BYTES, 0x7fff_ffff, 0xffff_ffff];
  const address = (): bigint => {
    const kind = random(16);
    if (kind === 0) return BigInt(edges[random(edges.length)]!) + BigInt(random(3));
    if (kind === 1) return 0xffff_ffff_ffff_f000n + BigInt(random(4096));
    return BigInt(GUEST_BASE + random(MEMORY_BYTES));
  };
  const describe = (offset: number): void => {
    const isTable = random(6) === 0;
    driver.describeAt(offset, {
      address: isTable ? GUEST_BASE + TABLES_AT + random(0x200) * 16 : address(),
      byteCount: isTable ? 16 * random(20) : random(8) > 0 ? random(2000) : lengths[random(lengths.length)]!,
      flags: (isTable ? 4 : 0) | random(random(4) === 0 ? 8 : 4),
      next: random(16) === 0 ? random(0x1_0000) : random(size),
    });
  };
  for (let index = 0; index < size; index++) describe(index * 16);
  // What indirect descriptors point at is no better.
  for (let offset = TABLES_AT; offset < TABLES_AT + 0x4000; offset += 16) describe(offset);
  const count = random(4) === 0 ? random(0x1_0000) : random(size + 1);
  for (let index = 0; index < Math.min(count, 200); index++)
    driver.makeAvailable(random(32) === 0 ? random(0x1_0000) : random(size));
  return driver;
}

describe('a hostile guest', () => {
  it('reads and writes nothing outside of its memory, and ends nothing', () => {
    let broken = 0;
    let taken = 0;
    for (let seed = 0; seed < ROUNDS; seed++) {
      const random = seededRandom(seed);
      const driver = hostileRing(random);
      const base = random(4) > 0 ? driver.firstIndex : random(0x1_0000);
      const port = new RecordingPort();
      const intake = new FrameIntake(port, new PortTaps(), new ChunkPool());
      const fromGuest = driver.open(base);
      taken += new FramesFromGuest(driver.memory, fromGuest, 12).take(intake, () => undefined);
      fromGuest.publish();
      intake.deliver();
      // The guest never wrote the guard's byte where it counts: a run of it came from outside.
      for (const frame of port.frames) expect(frame.includes(Buffer.alloc(64, GUARD_BYTE))).toBe(false);
      const toGuest = driver.open(base);
      const frames = new FramesToGuest(driver.memory, toGuest, random(2) === 0 ? 10 : 12, random(2) === 0);
      for (let count = 0; count < 8; count++) frames.put(Buffer.alloc(1514, 1), 0, 1514, undefined);
      toGuest.publish();
      if (fromGuest.isBroken) broken += 1;
      expect(driver.isGuarded).toBe(true);
    }
    // It tried both: what is refused, and what is not.
    expect(broken).toBeGreaterThan(ROUNDS / 10);
    expect(taken).toBeGreaterThan(ROUNDS / 10);
  });

  it('has no ring outside of its memory', () => {
    const { memory, addresses } = new VirtioDriver(8);
    const open = (change: object, size = 8): unknown =>
      Virtqueue.open(memory, size, { ...addresses, ...change }, 0);
    expect(open({})).toBeDefined();
    for (const size of [0, 3, 65_536]) expect(open({}, size)).toBeUndefined();
    for (const part of ['descriptors', 'available', 'used'] as const) {
      for (const address of [0, addresses.descriptors - 16, addresses.descriptors + MEMORY_BYTES - 1])
        expect(open({ [part]: address })).toBeUndefined();
    }
    expect(open({ used: addresses.used + 2 })).toBeUndefined();
  });
});
