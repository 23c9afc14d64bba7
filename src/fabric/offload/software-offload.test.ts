import { beforeEach, describe, expect, it } from 'vitest';
import { longFrame, type LongFrameOptions } from '../../../test/fabric/offload-frames.js';
import { RecordingPort } from '../../../test/fabric/recording-port.js';
import { checksum, pseudoHeaderSumIpv4 } from '../../wire/checksum.js';
import { VIRTIO_NET_HEADER_BYTES, writeVirtioNetHeader } from '../../wire/virtio-net-header.js';
import { ChunkPool } from '../ports/chunk-pool.js';
import { FrameIntake } from '../ports/frame-intake.js';
import type { FrameBatch } from '../ports/port.js';
import { PortTaps } from '../ports/port-taps.js';
import { Switch } from '../switch/switch.js';

/** A port whose far side cannot, and that reads what it is offered only when it is flushed, as all do. */
class PlainPort extends RecordingPort {
  readonly #offered: [FrameBatch, number, number][] = [];

  constructor() {
    super(false);
  }

  override offer(batch: FrameBatch, start: number, end: number): void {
    this.#offered.push([batch, start, end]);
  }

  override flush(): void {
    for (const [batch, start, end] of this.#offered.splice(0)) super.offer(batch, start, end);
  }
}

const BROADCAST = 0xffff_ffff_ffff;
let network: Switch;
let source: RecordingPort;
let able: RecordingPort;
let plain: PlainPort;
let intake: FrameIntake;

beforeEach(() => {
  const pool = new ChunkPool();
  network = new Switch(undefined, pool);
  [source, able, plain] = [new RecordingPort(), new RecordingPort(), new PlainPort()];
  source.sink = network;
  network.attach(source, { mac: 1 });
  network.attach(able, { mac: 2 });
  network.attach(plain, { mac: 3 });
  intake = new FrameIntake(source, new PortTaps(), pool);
});

/** Sends frames as one batch. */
function send(...frames: readonly LongFrameOptions[]): void {
  const header = Buffer.alloc(VIRTIO_NET_HEADER_BYTES);
  for (const options of frames) {
    const { frame, offload } = longFrame(options);
    writeVirtioNetHeader(header, 0, offload);
    intake.bytes.set(frame, intake.frameAt);
    intake.take(frame.length, header, 0);
  }
  intake.deliver();
}

function isRight(frame: Buffer): boolean {
  const sum = pseudoHeaderSumIpv4(frame.readUInt32BE(26), frame.readUInt32BE(30), 6, frame.length - 34);
  return checksum(frame, 34, frame.length, sum) === 0;
}

const payload = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, index) => index & 0xff));
const long = { family: 4, payload: payload(60_000), gsoSize: 1448 } as const;
const short = { family: 4, payload: payload(100), gsoSize: 1448 } as const;

describe('frames that leave something to be done', () => {
  it('pass whole to a port whose far side does it', () => {
    send({ ...long, to: 2 }, { ...short, to: 2 });
    expect(able.frames.map(({ length }) => length)).toEqual([60_054, 154]);
    expect(able.offloads.map(({ gsoSize }) => gsoSize)).toEqual([1448, 0]);
  });

  it('are finished for a port whose far side does not, in their order', () => {
    send({ ...short, to: 3 }, { ...long, to: 3 }, { ...long, to: 3 }, { ...short, to: 3 });
    const segments = Math.ceil(60_000 / 1448);
    expect(plain.frames).toHaveLength(2 + 2 * segments);
    expect(plain.frames.every(({ length }) => length <= 1514)).toBe(true);
    expect(plain.frames.every(isRight)).toBe(true);
    expect(Buffer.concat(plain.frames.slice(1, 1 + segments).map((frame) => frame.subarray(54)))).toEqual(
      long.payload,
    );
  });

  it('go to both kinds of ports at once, right for each', () => {
    send({ ...short, to: BROADCAST }, { ...long, to: BROADCAST });
    expect(plain.frames.every(isRight)).toBe(true);
    // The port that is offered first sees the table before or after the checksum was put in, and both are consistent.
    expect(able.frames[1]).toHaveLength(60_054);
    const [first] = able.frames;
    expect(isRight(first!) || able.offloads.some(({ gsoSize }) => gsoSize === 0)).toBe(true);
  });

  it('fill as many chunks as they need', () => {
    send(...Array.from({ length: 3 }, () => ({ ...long, gsoSize: 64, to: 3 })));
    expect(plain.frames).toHaveLength(3 * Math.ceil(60_000 / 64));
    expect(plain.frames.every(isRight)).toBe(true);
  });
});
