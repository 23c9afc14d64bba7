import { expect, it } from 'vitest';
import { emptyCounters } from '../ports/counters.js';
import { FRAME_HEADER_BYTES, type FrameSink, type Port } from '../ports/port.js';
import { FrameWatch } from './frame-watch.js';
import { Trace } from './trace.js';

/** Frames of one byte each: what it is says what becomes of it. */
function batchOf(...frames: number[]): Buffer {
  return Buffer.concat(frames.map((byte) => Buffer.from([0, 0, 0, 1, byte])));
}

const port: Port = { id: 'a/0', counters: emptyCounters(), offer: () => undefined, flush: () => undefined };
const gatewayDrops = new Map<string, number>([['isolated', 3]]);
const congested: Port = { ...port, id: 'b/0' };
const seen: number[] = [];
const sink: FrameSink = {
  forward(_ingress, { bytes }, start, end) {
    expect(end - start).toBe(FRAME_HEADER_BYTES + 1);
    const kind = bytes[start + FRAME_HEADER_BYTES]!;
    seen.push(kind);
    if (kind === 1) port.counters.drops.set('spoofed-mac', (port.counters.drops.get('spoofed-mac') ?? 0) + 1);
    if (kind === 2) gatewayDrops.set('isolated', gatewayDrops.get('isolated')! + 1);
    return kind === 3 ? congested : undefined;
  },
};

it('tells of each frame which counter grew, and passes on who is congested', () => {
  const watch = new FrameWatch(sink, () => [port.counters.drops, gatewayDrops]);
  const told: unknown[] = [];
  watch.watchers.add(({ bytes, reason }) => told.push([bytes[0], reason]));
  const bytes = batchOf(0, 1, 2, 3, 0);
  expect(watch.forward(port, { bytes, retained: false }, 0, bytes.length)).toBe(congested);
  expect(seen).toEqual([0, 1, 2, 3, 0]);
  expect(told).toEqual([
    [0, undefined],
    [1, 'spoofed-mac'],
    [2, 'isolated'],
    [3, undefined],
    [0, undefined],
  ]);
});

it('keeps what waits bounded, and tells what was lost', async () => {
  const trace = new Trace();
  for (let index = 0; index < 2000; index++)
    trace.add({ bytes: Buffer.alloc(1500, index), reason: 'isolated' });
  const chunks = trace.chunks();
  const linesOf = (chunk: Buffer | void): { head: string; lost?: number }[] =>
    String(chunk)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { head: string; lost?: number });
  const first = linesOf((await chunks.next()).value);
  expect(first).toHaveLength(1024);
  expect(Buffer.from(first[0]!.head, 'base64')).toHaveLength(192);
  trace.add({ bytes: Buffer.alloc(14) });
  expect(linesOf((await chunks.next()).value)).toEqual([
    { head: Buffer.alloc(14).toString('base64'), lost: 976 },
  ]);
  trace.close();
  expect((await chunks.next()).done).toBe(true);
});
