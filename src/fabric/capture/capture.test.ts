import { describe, expect, it } from 'vitest';
import { framed } from '../../../test/fabric/frames.js';
import { Capture } from './capture.js';

interface Packet {
  readonly frame: Buffer;
  readonly flags: number;
  readonly dropCount: number;
}

/** Packets and the last statistics of a stream that this file's options produce. */
function parse(bytes: Buffer): { packets: Packet[]; statistics?: { seen: number; dropped: number } } {
  const packets: Packet[] = [];
  let statistics: { seen: number; dropped: number } | undefined;
  for (let offset = 0; offset < bytes.length; offset += bytes.readUInt32LE(offset + 4)) {
    const type = bytes.readUInt32LE(offset);
    if (type === 6) {
      const captured = bytes.readUInt32LE(offset + 20);
      const options = offset + 28 + Math.ceil(captured / 4) * 4;
      const hasDrops = bytes.readUInt16LE(options + 8) === 4;
      packets.push({
        frame: bytes.subarray(offset + 28, offset + 28 + captured),
        flags: bytes.readUInt32LE(options + 4),
        dropCount: hasDrops ? Number(bytes.readBigUInt64LE(options + 12)) : 0,
      });
    } else if (type === 5) {
      const count = (at: number): number => Number(bytes.readBigUInt64LE(offset + 20 + at));
      statistics = { seen: count(4), dropped: count(16) };
    }
  }
  return { packets, ...(statistics && { statistics }) };
}

async function rest(capture: Capture): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of capture.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const frame = (mark: number): Buffer => Buffer.alloc(60 + mark, mark);

describe('Capture', () => {
  it('copies frames as they were, with the direction seen from the machine', async () => {
    const capture = new Capture({ interfaceName: 'web1/0' });
    const batch = framed(frame(1), frame(2));
    capture.onFrames('sent', batch, 0, batch.length);
    batch.fill(0xee);
    const answer = framed(frame(3));
    capture.onFrames('received', answer, 0, answer.length);
    capture.close();
    expect(parse(await rest(capture))).toEqual({
      packets: [
        { frame: frame(1), flags: 2, dropCount: 0 },
        { frame: frame(2), flags: 2, dropCount: 0 },
        { frame: frame(3), flags: 1, dropCount: 0 },
      ],
      statistics: { seen: 3, dropped: 0 },
    });
  });

  it('wakes its reader', async () => {
    const capture = new Capture({ interfaceName: 'web1/0' });
    const chunks = capture.chunks();
    // The header.
    await chunks.next();
    const next = chunks.next();
    const batch = framed(frame(1));
    capture.onFrames('sent', batch, 0, batch.length);
    const { value } = await next;
    expect(parse(value as Buffer).packets).toHaveLength(1);
    const last = chunks.next();
    capture.onPortClosed();
    expect(parse((await last).value as Buffer).statistics).toEqual({ seen: 1, dropped: 0 });
    expect((await chunks.next()).done).toBe(true);
  });

  it('bounds its queue and records what it lost', async () => {
    const capture = new Capture({ interfaceName: 'web1/0', maxQueuedBytes: 1000 });
    const chunks = capture.chunks();
    await chunks.next();
    const batch = framed(...Array.from({ length: 50 }, () => frame(0)));
    capture.onFrames('sent', batch, 0, batch.length);
    const first = parse((await chunks.next()).value as Buffer);
    expect(first.packets.length).toBeGreaterThan(2);
    expect(first.packets.length).toBeLessThan(17);
    const one = framed(frame(9));
    capture.onFrames('sent', one, 0, one.length);
    const second = parse((await chunks.next()).value as Buffer);
    expect(second.packets).toEqual([{ frame: frame(9), flags: 2, dropCount: 50 - first.packets.length }]);
    capture.close();
    expect(parse((await chunks.next()).value as Buffer).statistics).toEqual({
      seen: 51,
      dropped: 50 - first.packets.length,
    });
  });
});
