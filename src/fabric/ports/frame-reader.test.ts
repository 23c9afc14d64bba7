import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framed, unframed } from '../../../test/fabric/frames.js';
import { FrameReader } from './frame-reader.js';
import { type FrameBatch, MAX_FRAME_BYTES } from './port.js';

interface Outcome {
  readonly frames: string[];
  oversized: number;
  isSound: boolean;
}

/** Feeds a stream in chunks; `retains` says of each batch whether its receiver keeps it, for three batches. */
function readAll(
  stream: Buffer,
  chunkSizes: readonly number[],
  mtuBytes: number,
  retains: (batchIndex: number) => boolean = () => false,
): Outcome {
  const outcome: Outcome = { frames: [], oversized: 0, isSound: true };
  const kept: { batch: FrameBatch; bytes: Buffer; copy: Buffer }[] = [];
  // What somebody kept is not written over by later reads, until it is let go.
  const letGo = (): void => {
    const oldest = kept.shift();
    expect(oldest?.bytes.equals(oldest.copy)).toBe(true);
    oldest?.batch.release?.();
  };
  let batchIndex = 0;
  const reader = new FrameReader(
    {
      onFrames(batch: FrameBatch, start, end, frameCount) {
        const frames = unframed(Buffer.from(batch.bytes.subarray(start, end)));
        expect(frames).toHaveLength(frameCount);
        outcome.frames.push(...frames.map((frame) => frame.toString('latin1')));
        if (retains(batchIndex++)) {
          batch.retained = true;
          const bytes = batch.bytes.subarray(start, end);
          kept.push({ batch, bytes, copy: Buffer.from(bytes) });
          if (kept.length > 3) letGo();
        }
      },
      onOversized() {
        outcome.oversized += 1;
      },
    },
    mtuBytes,
  );
  let offset = 0;
  for (let turn = 0; offset < stream.length && outcome.isSound; turn++) {
    const size = Math.max(1, chunkSizes[turn % chunkSizes.length] ?? 1);
    const chunk = stream.subarray(offset, offset + Math.min(size, reader.area.length));
    reader.area.set(chunk);
    outcome.isSound = reader.take(chunk.length);
    offset += chunk.length;
  }
  while (kept.length > 0) letGo();
  return outcome;
}

const frameOf = (bytes: number, mark: number): Buffer => Buffer.alloc(bytes, mark & 0xff);

describe('FrameReader', () => {
  it('gives the same frames however the stream is cut, whoever keeps the buffer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 14, max: 400 }), fc.nat(255)), { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 10 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        (shapes, chunkSizes, retained) => {
          const frames = shapes.map(([bytes, mark]) => frameOf(bytes, mark));
          const outcome = readAll(
            framed(...frames),
            chunkSizes,
            1500,
            (index) => retained[index % retained.length]!,
          );
          expect(outcome.frames).toEqual(frames.map((frame) => frame.toString('latin1')));
          expect(outcome.isSound).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads on into a buffer that all who kept it have let go', () => {
    const batches: FrameBatch[] = [];
    // How many ports keep each batch: two the first, as after a broadcast.
    const holderCounts = [2, 1, 0, 1, 0];
    const reader = new FrameReader(
      {
        onFrames(batch) {
          for (let count = holderCounts[batches.length] ?? 0; count > 0; count--) batch.retained = true;
          batches.push(batch);
        },
        onOversized: () => undefined,
      },
      1500,
    );
    const read = (): Uint8Array => {
      const { area } = reader;
      area.set(framed(frameOf(60, 1)));
      expect(reader.take(64)).toBe(true);
      return area;
    };
    const areas = [read(), read()];
    batches[0]?.release?.();
    areas.push(read());
    batches[0]?.release?.();
    areas.push(read(), read());
    expect(areas.map((area) => areas.indexOf(area))).toEqual([0, 1, 2, 2, 0]);
  });

  it('carries the longest frame over, cut anywhere', () => {
    const frames = [frameOf(MAX_FRAME_BYTES, 1), frameOf(60, 2), frameOf(MAX_FRAME_BYTES, 3)];
    for (const cut of [1, 3, 4, 5, MAX_FRAME_BYTES + 3, MAX_FRAME_BYTES + 4, MAX_FRAME_BYTES + 5]) {
      const outcome = readAll(framed(...frames), [cut, 200_000], 65_535 + 4097);
      expect(outcome.frames).toEqual(frames.map((frame) => frame.toString('latin1')));
    }
  });

  it.each([0, 13, MAX_FRAME_BYTES + 1, 0xffff_ffff])(
    'gives up on a length of %d, after what stood before',
    (length) => {
      const lie = Buffer.alloc(100);
      lie.writeUInt32BE(length);
      const outcome = readAll(Buffer.concat([framed(frameOf(60, 1)), lie]), [1000], 1500);
      expect(outcome.isSound).toBe(false);
      expect(outcome.frames).toHaveLength(1);
    },
  );

  it('begins anew after a reset', () => {
    const frames: Buffer[] = [];
    const reader = new FrameReader(
      {
        onFrames: (batch, start, end) =>
          frames.push(...unframed(Buffer.from(batch.bytes.subarray(start, end)))),
        onOversized: () => undefined,
      },
      1500,
    );
    reader.area.set(framed(frameOf(60, 1)).subarray(0, 20));
    reader.take(20);
    reader.reset();
    const whole = framed(frameOf(60, 2));
    reader.area.set(whole);
    reader.take(whole.length);
    expect(frames).toEqual([frameOf(60, 2)]);
  });

  it('leaves out frames beyond the MTU, and leaves room for a VLAN tag only to those that have one', () => {
    const tagged = (bytes: number): Buffer => {
      const frame = frameOf(bytes, 7);
      frame.writeUInt16BE(0x8100, 12);
      return frame;
    };
    const stream = framed(
      frameOf(1514, 1),
      frameOf(1515, 2),
      tagged(1518),
      tagged(1519),
      frameOf(1518, 3),
      frameOf(60, 4),
    );
    const outcome = readAll(stream, [100_000], 1500);
    expect(outcome.frames.map((frame) => frame.length)).toEqual([1514, 1518, 60]);
    expect(outcome.oversized).toBe(3);
  });

  it('stays within its bounds for any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 20 }),
        // Lengths near the truth, so that garbage is sometimes taken for frames.
        fc.array(fc.constantFrom(14, 15, 60, 200), { maxLength: 20 }),
        (chunks, lengths) => {
          const parts = chunks.flatMap((chunk, index) => {
            const header = Buffer.alloc(4);
            header.writeUInt32BE(lengths[index] ?? 14);
            return [header, chunk];
          });
          const stream = Buffer.concat(parts);
          const once = readAll(stream, [stream.length], 1500);
          const slowly = readAll(stream, [7], 1500);
          expect(slowly).toEqual(once);
        },
      ),
      { numRuns: 40 },
    );
  });
});
