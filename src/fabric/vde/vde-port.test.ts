import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ethernet, framed, macNumber, unframed } from '../../../test/fabric/frames.js';
import { encodeStreamFrame, StreamFrameReader } from '../../wire/vde-stream.js';
import { VdePort } from './vde-port.js';

const frame = (index: number, bytes: number): Buffer =>
  ethernet(0x88b5, Buffer.alloc(bytes, index), macNumber(index));

function portOf(mtuBytes = 1500) {
  const [fromClient, toClient] = [new PassThrough(), new PassThrough({ highWaterMark: 0 })];
  const forwarded: Buffer[][] = [];
  let isBroken = false;
  const port = new VdePort({
    id: 'a/vde1',
    fromClient,
    toClient,
    sink: {
      forward: (_, { bytes }, start, end) => void forwarded.push(unframed(bytes.subarray(start, end))),
    },
    mtuBytes: () => mtuBytes,
    onBroken: () => {
      isBroken = true;
    },
  });
  const give = (...frames: Buffer[]): void => {
    const bytes = framed(...frames);
    port.offer({ bytes, retained: false }, 0, bytes.length);
    port.flush();
    // A producer uses its buffer again.
    bytes.fill(0xee);
  };
  return { port, fromClient, toClient, forwarded, give, isBroken: () => isBroken };
}

describe('a port behind a vde_plug', () => {
  it('hands on what one read gave as one batch, whatever is left over waiting for the next', () => {
    const { fromClient, forwarded, port } = portOf();
    const bytes = Buffer.concat(
      [frame(1, 50), frame(2, 51), frame(3, 52)].map((one) => encodeStreamFrame(one)),
    );
    fromClient.emit('data', bytes.subarray(0, 150));
    fromClient.emit('data', bytes.subarray(150));
    expect(forwarded).toEqual([[frame(1, 50), frame(2, 51)], [frame(3, 52)]]);
    expect(port.counters).toMatchObject({ rxFrames: 3, rxBytes: 3 * 14 + 153 });
  });

  it('leaves out frames that are longer than the network allows', () => {
    const { fromClient, forwarded, port } = portOf(600);
    fromClient.emit(
      'data',
      Buffer.concat([frame(1, 605), frame(1, 604)].map((one) => encodeStreamFrame(one))),
    );
    expect(forwarded.flat().map(({ length }) => length)).toEqual([618]);
    expect(port.counters.drops).toEqual(new Map([['oversized', 1]]));
  });

  it('ends when the stream lies about a length', () => {
    const { fromClient, isBroken, port } = portOf();
    fromClient.emit('data', Buffer.from([0xff, 0xff, 0, 0]));
    expect(isBroken()).toBe(true);
    expect(port.counters.drops.get('bad-framing')).toBe(1);
  });

  it('writes frames of even size, in order', () => {
    const { toClient, give, port } = portOf();
    give(frame(1, 51), frame(2, 50));
    give(frame(3, 9300));
    const seen: Buffer[] = [];
    new StreamFrameReader((one) => seen.push(Buffer.from(one))).push(toClient.read() as Buffer);
    expect(seen).toEqual([Buffer.concat([frame(1, 51), Buffer.alloc(1)]), frame(2, 50)]);
    expect(port.counters).toMatchObject({ txFrames: 2, txBytes: 129 });
    expect(port.counters.drops.get('oversized')).toBe(1);
  });

  it('drops what a client that does not read leaves waiting', () => {
    const { give, port } = portOf();
    for (let count = 0; count < 1000; count++) give(frame(1, 1500));
    expect(port.queuedBytes).toBeLessThan(600_000);
    expect(port.counters.drops.get('queue-full')).toBeGreaterThan(600);
    expect(port.counters.txFrames + (port.counters.drops.get('queue-full') ?? 0)).toBe(1000);
  });
});
