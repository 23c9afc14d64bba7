import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES, ChunkPool, HostQueue } from './host-queue.js';
import type { HostStream } from './host-stream.js';

/** Takes writes at once or keeps them, as told. */
class Sink implements HostStream {
  readonly taken: Buffer[] = [];
  kept: Uint8Array | undefined;
  blocking = false;
  ends = 0;

  write(bytes: Uint8Array): boolean {
    expect(this.kept).toBeUndefined();
    expect(this.ends).toBe(0);
    if (this.blocking) this.kept = bytes;
    else this.taken.push(Buffer.from(bytes));
    return !this.blocking;
  }

  take(): void {
    if (this.kept !== undefined) this.taken.push(Buffer.from(this.kept));
    this.kept = undefined;
  }

  end(): void {
    this.ends++;
  }

  reset(): void {}

  keepAlive(): void {}

  resume(): void {}
}

describe('HostQueue', () => {
  it('hands every byte over once and in order, whatever the host does', () => {
    const step = fc.record({ bytes: fc.nat(50_000), blocking: fc.boolean(), drain: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const sink = new Sink();
        const queue = new HostQueue(new ChunkPool());
        let appended = 0;
        const bytes = Buffer.alloc(50_000);
        const drain = () => {
          if (sink.kept === undefined) return;
          sink.take();
          queue.drained(sink);
        };
        for (const step of steps) {
          sink.blocking = step.blocking;
          for (let index = 0; index < step.bytes; index++) bytes[index] = (appended + index) % 251;
          queue.append(bytes, 0, step.bytes);
          appended += step.bytes;
          queue.push(sink);
          if (step.drain) drain();
          const handed = sink.taken.reduce((sum, each) => sum + each.length, 0);
          expect(queue.queuedBytes).toBe(appended - handed);
        }
        queue.finish();
        sink.blocking = false;
        queue.push(sink);
        while (sink.kept !== undefined) drain();
        const all = Buffer.concat(sink.taken);
        expect(all.length).toBe(appended);
        expect(all.every((byte, index) => byte === index % 251)).toBe(true);
        expect(sink.ends).toBe(1);
      }),
      { numRuns: 40 },
    );
  });

  it('gathers small segments into one write', () => {
    const sink = new Sink();
    const queue = new HostQueue(new ChunkPool());
    for (let index = 0; index < 40; index++) queue.append(Buffer.alloc(1460), 0, 1460);
    queue.push(sink);
    expect(sink.taken.map((each) => each.length)).toEqual([40 * 1460]);
  });

  it('does not hand memory out again while the host has it', () => {
    const pool = new ChunkPool();
    const queue = new HostQueue(pool);
    const sink = new Sink();
    sink.blocking = true;
    queue.append(Buffer.alloc(10, 1), 0, 10);
    queue.push(sink);
    queue.append(Buffer.alloc(CHUNK_BYTES, 2), 0, CHUNK_BYTES);
    expect(Buffer.from(sink.kept!)).toEqual(Buffer.alloc(10, 1));
    const taken = [pool.take(), pool.take()];
    expect(taken.map((chunk) => chunk.byteOffset)).not.toContain(sink.kept!.byteOffset);
    // Its stream is gone.
    queue.discard();
    taken.push(pool.take(), pool.take());
    expect(taken.map((chunk) => chunk.byteOffset)).toContain(sink.kept!.byteOffset);
  });
});
