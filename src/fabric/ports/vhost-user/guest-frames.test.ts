import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { RecordingPort } from '../../../../test/fabric/recording-port.js';
import { longFrame } from '../../../../test/fabric/offload-frames.js';
import { VirtioDriver } from '../../../../test/fabric/virtio-driver.js';
import { VIRTIO_NET_HEADER_BYTES, writeVirtioNetHeader } from '../../../wire/virtio-net-header.js';
import { ChunkPool } from '../chunk-pool.js';
import { FrameIntake } from '../frame-intake.js';
import { PortTaps } from '../port-taps.js';
import { FramesFromGuest, FramesToGuest } from './guest-frames.js';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

let port: RecordingPort;
let intake: FrameIntake;
beforeEach(() => {
  port = new RecordingPort();
  intake = new FrameIntake(port, new PortTaps(), new ChunkPool());
});

/** A buffer with these bytes. @returns its descriptor's address and length. */
function place(driver: VirtioDriver, bytes: Buffer): { address: number; byteCount: number } {
  const address = driver.allocate(bytes.length);
  driver.at(address, bytes.length).set(bytes);
  return { address, byteCount: bytes.length };
}

describe('frames from the guest', () => {
  it('arrive as they are, however the guest lays them out, past the wrap of the index', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            payload: fc.uint8Array({ minLength: 14, maxLength: 1514 }),
            cuts: fc.array(fc.nat(1500)),
          }),
          { minLength: 1, maxLength: 40 },
        ),
        fc.boolean(),
        (sent, isIndirect) => {
          port.frames.length = 0;
          const driver = new VirtioDriver(64, 0xfff0);
          const queue = driver.open();
          const frames = new FramesFromGuest(driver.memory, queue, VIRTIO_NET_HEADER_BYTES);
          for (const { payload, cuts } of sent) {
            const whole = Buffer.concat([Buffer.alloc(VIRTIO_NET_HEADER_BYTES), payload]);
            const edges = [0, ...new Set(cuts.filter((cut) => cut > 0 && cut < whole.length)), whole.length];
            edges.sort((a, b) => a - b);
            const parts = edges.slice(1, 60).map((edge, index) => whole.subarray(edges[index], edge));
            const length = parts.reduce((sum, part) => sum + part.length, 0);
            const table = isIndirect ? driver.allocate(parts.length * 16) - 0x10_0000 : 0;
            for (const [index, part] of parts.entries()) {
              const flags = index + 1 < parts.length ? NEXT : 0;
              driver.describeAt(table + index * 16, { ...place(driver, part), flags, next: index + 1 });
            }
            if (isIndirect) {
              const byteCount = parts.length * 16;
              driver.describe(0, { address: 0x10_0000 + table, byteCount, flags: INDIRECT, next: 0 });
            }
            driver.makeAvailable(0);
            expect(frames.take(intake, () => undefined)).toBe(1);
            expect(queue.publish()).toBe(true);
            expect(driver.takeUsed()).toEqual([{ head: 0, byteCount: 0 }]);
            intake.deliver();
            expect(port.frames.at(-1)).toEqual(whole.subarray(VIRTIO_NET_HEADER_BYTES, length));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('bring what they leave to be done, and lies are refused', () => {
    const driver = new VirtioDriver(8);
    const queue = driver.open();
    const frames = new FramesFromGuest(driver.memory, queue, VIRTIO_NET_HEADER_BYTES);
    const { frame, offload } = longFrame({ family: 4, payload: Buffer.alloc(9000, 7), gsoSize: 1400 });
    const header = Buffer.alloc(VIRTIO_NET_HEADER_BYTES);
    for (const [index, left] of [offload, { ...offload, gsoSize: 1461 }].entries()) {
      writeVirtioNetHeader(header, 0, left);
      driver.describe(index, { ...place(driver, Buffer.concat([header, frame])), flags: 0, next: 0 });
      driver.makeAvailable(index);
    }
    expect(frames.take(intake, () => undefined)).toBe(2);
    intake.deliver();
    expect(port.frames).toEqual([frame]);
    expect(port.offloads).toEqual([offload]);
    expect(port.counters.drops).toEqual(new Map([['bad-offload', 1]]));
  });

  it('may not be longer than the MTU, nor than any frame', () => {
    const driver = new VirtioDriver(8);
    const frames = new FramesFromGuest(driver.memory, driver.open(), VIRTIO_NET_HEADER_BYTES);
    let malformed = 0;
    for (const [index, bytes] of [1515, 80_000, 13].entries()) {
      const whole = Buffer.alloc(VIRTIO_NET_HEADER_BYTES + bytes);
      driver.describe(index, { ...place(driver, whole), flags: 0, next: 0 });
      driver.makeAvailable(index);
    }
    expect(frames.take(intake, () => (malformed += 1))).toBe(3);
    expect(intake.deliver()).toBe(false);
    expect(malformed).toBe(1);
    expect(port.counters.drops).toEqual(
      new Map([
        ['oversized', 1],
        ['malformed', 1],
      ]),
    );
  });
});

describe('frames to the guest', () => {
  it('go into as many buffers as they need, and wait for them whole', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 14, maxLength: 9000 }),
        fc.integer({ min: 64, max: 2048 }),
        (payload, bufferBytes) => {
          const driver = new VirtioDriver(256, 0xffff);
          const queue = driver.open();
          const frames = new FramesToGuest(driver.memory, queue, VIRTIO_NET_HEADER_BYTES, true);
          const needed = Math.ceil((payload.length + VIRTIO_NET_HEADER_BYTES) / bufferBytes);
          const addresses: number[] = [];
          for (let index = 0; index < needed; index++) {
            expect(frames.put(payload, 0, payload.length, undefined)).toBe(false);
            expect(queue.publish()).toBe(false);
            addresses.push(driver.allocate(bufferBytes));
            driver.describe(index, {
              address: addresses[index]!,
              byteCount: bufferBytes,
              flags: WRITE,
              next: 0,
            });
            driver.makeAvailable(index);
          }
          expect(frames.put(payload, 0, payload.length, undefined)).toBe(true);
          queue.publish();
          const used = driver.takeUsed();
          expect(used.map(({ head }) => head)).toEqual(addresses.map((_, index) => index));
          const parts = used.map(({ head, byteCount }) => driver.at(addresses[head]!, byteCount));
          const whole = Buffer.concat(parts);
          expect(whole.subarray(VIRTIO_NET_HEADER_BYTES)).toEqual(Buffer.from(payload));
          expect(whole.readUInt16LE(10)).toBe(needed);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are cut off by a guest that merges no buffers and gives short ones', () => {
    const driver = new VirtioDriver(4);
    const queue = driver.open();
    const frames = new FramesToGuest(driver.memory, queue, 10, false);
    const address = driver.allocate(110);
    driver.describe(0, { address, byteCount: 110, flags: WRITE, next: 0 });
    driver.makeAvailable(0);
    expect(frames.put(Buffer.alloc(200, 5), 0, 200, undefined)).toBe(true);
    expect(queue.publish()).toBe(true);
    expect(driver.takeUsed()).toEqual([{ head: 0, byteCount: 110 }]);
    expect(driver.at(address + 10, 100)).toEqual(Buffer.alloc(100, 5));
  });
});
