/**
 * The switch port at the end of a `vde_plug` that serves one client (`VdePlug`): frames on its standard output come in,
 * frames on its standard input go out.
 *
 * Theory of operation. What one read gave is one batch, in the fabric's own framing. What the switch offers is framed
 * anew for vde_plug and written at `flush`; while more than `MAX_QUEUED_BYTES` wait, further frames are dropped, as on a
 * full switch port. A stream that lies about a length ends the port.
 */
import type { Readable, Writable } from 'node:stream';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.js';
import {
  encodeEvenFrame,
  encodeStreamFrame,
  QEMU_FRAMING,
  StreamFrameReader,
} from '../../wire/vde-stream.js';
import { countDrop, emptyCounters } from '../ports/counters.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type FrameSink, type Port } from '../ports/port.js';

const MAX_QUEUED_BYTES = 512 * 1024;
/** An 802.1Q tag makes a frame longer without making its packet longer. */
const VLAN_TAG_BYTES = 4;

export interface VdePortOptions {
  readonly id: string;
  readonly fromClient: Readable;
  readonly toClient: Writable;
  readonly sink: FrameSink;
  /** Largest packet of the network, as it is now. */
  readonly mtuBytes: () => number;
  /** The stream cannot be followed any more. */
  readonly onBroken: () => void;
}

export class VdePort implements Port {
  readonly id: string;
  readonly counters = emptyCounters();
  readonly #options: VdePortOptions;
  readonly #offered: Buffer[] = [];
  #offeredBytes = 0;
  #arrived: Buffer[] = [];

  constructor(options: VdePortOptions) {
    this.id = options.id;
    this.#options = options;
    const reader = new StreamFrameReader((frame) => this.#take(frame));
    options.fromClient.on('data', (chunk: Buffer) => {
      const isSound = reader.push(chunk);
      this.#forward();
      if (isSound) return;
      countDrop(this, 'bad-framing');
      options.onBroken();
    });
  }

  get queuedBytes(): number {
    return this.#offeredBytes + this.#options.toClient.writableLength;
  }

  offer(batch: FrameBatch, start: number, end: number): void {
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      position = frame + batch.bytes.readUInt32BE(position);
      if (this.queuedBytes > MAX_QUEUED_BYTES) {
        countDrop(this, 'queue-full');
        continue;
      }
      const framed = encodeEvenFrame(batch.bytes.subarray(frame, position));
      if (framed === undefined) {
        countDrop(this, 'oversized');
        continue;
      }
      this.#offered.push(framed);
      this.#offeredBytes += framed.length;
      this.counters.txFrames += 1;
      this.counters.txBytes += position - frame;
    }
  }

  flush(): void {
    if (this.#offered.length === 0) return;
    this.#offeredBytes = 0;
    this.#options.toClient.write(Buffer.concat(this.#offered.splice(0)));
  }

  #take(frame: Buffer): void {
    if (frame.length > this.#options.mtuBytes() + ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES) {
      countDrop(this, 'oversized');
      return;
    }
    this.counters.rxFrames += 1;
    this.counters.rxBytes += frame.length;
    this.#arrived.push(encodeStreamFrame(frame, QEMU_FRAMING));
  }

  #forward(): void {
    if (this.#arrived.length === 0) return;
    const bytes = Buffer.concat(this.#arrived);
    this.#arrived = [];
    this.#options.sink.forward(this, { bytes, retained: false }, 0, bytes.length);
  }
}
