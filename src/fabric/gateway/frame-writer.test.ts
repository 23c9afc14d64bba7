import { describe, expect, it } from 'vitest';
import { ChunkPool } from '../ports/chunk-pool.js';
import { emptyCounters } from '../ports/counters.js';
import type { FrameBatch, Port } from '../ports/port.js';
import { FrameWriter } from './frame-writer.js';

interface Seen {
  readonly batch: FrameBatch;
  readonly bytes: Buffer;
}

function stage(onForward: (writer: FrameWriter, batch: FrameBatch) => void = () => {}) {
  const port: Port = { id: 'p', counters: emptyCounters(), offer() {}, flush() {} };
  const seen: Seen[] = [];
  const pool = new ChunkPool();
  const writer: FrameWriter = new FrameWriter(
    port,
    {
      forward(ingress, batch, start, end) {
        expect(ingress).toBe(port);
        seen.push({ batch, bytes: Buffer.from(batch.bytes.subarray(start, end)) });
        onForward(writer, batch);
      },
    },
    pool,
  );
  const write = (packet: Buffer): void => {
    const offset = writer.begin(1, 2, 0x0800, packet.length);
    packet.copy(writer.bytes, offset);
  };
  return { port, seen, writer, write, pool };
}

describe('frame writer', () => {
  it('hands over what was begun as one batch in stream framing', () => {
    const { seen, writer, write, port } = stage();
    write(Buffer.from('first'));
    write(Buffer.from('2nd'));
    writer.flush();
    writer.flush();
    expect(seen).toHaveLength(1);
    expect(seen[0]?.bytes.toString('hex')).toBe(
      `000000130000000000010000000000020800${Buffer.from('first').toString('hex')}` +
        `000000110000000000010000000000020800${Buffer.from('2nd').toString('hex')}`,
    );
    expect(port.counters).toMatchObject({ rxFrames: 2, rxBytes: 19 + 17 });
  });

  it('uses its chunk again unless a port retained it', () => {
    let retain = false;
    const { seen, writer, write } = stage((_, batch) => {
      batch.retained = retain;
    });
    for (const next of [false, true, false]) {
      retain = next;
      write(Buffer.from('x'));
      writer.flush();
    }
    const [first, second, third] = seen.map(({ batch }) => batch.bytes);
    expect(second).toBe(first);
    expect(third).not.toBe(second);
  });

  it('takes a retained chunk again once every port has released it', () => {
    let holders = 2;
    const { seen, writer, write } = stage((_, batch) => {
      for (; holders > 0; holders--) batch.retained = true;
    });
    const writeOne = (): Seen | undefined => {
      write(Buffer.from('x'));
      writer.flush();
      return seen.at(-1);
    };
    const first = writeOne();
    first?.batch.release?.();
    expect(writeOne()?.batch.bytes).not.toBe(first?.batch.bytes);
    first?.batch.release?.();
    expect(writeOne()?.batch.bytes).toBe(first?.batch.bytes);
  });

  it('hands over first when a frame does not fit', () => {
    const { seen, writer, write } = stage();
    const packet = Buffer.alloc(65_535, 7);
    for (let count = 0; count < 5; count++) write(packet);
    writer.flush();
    expect(seen.map(({ bytes }) => bytes.length / (65_535 + 18))).toEqual([3, 2]);
  });

  it('writes elsewhere while the switch reads', () => {
    let nested = false;
    const { seen, writer, write } = stage((inner) => {
      if (nested) return;
      nested = true;
      inner.begin(3, 4, 0x0800, 1);
      inner.flush();
    });
    write(Buffer.from('outer'));
    writer.flush();
    expect(seen).toHaveLength(2);
    expect(seen[1]?.batch.bytes).not.toBe(seen[0]?.batch.bytes);
  });
});
