/**
 * A machine's NIC: the switch port at the end of QEMU's `-netdev stream` unix socket.
 *
 * Theory of operation. The port dials (`Dialer`), reads batches of frames and hands them to the switch (`FrameReader`),
 * and writes what the switch offers (`Transmitter`). One read is one batch of at most 256 KB and the loop then serves
 * the other ports, so no guest starves another. A stream that lies about a length is dropped and dialled anew. Frames
 * for a NIC that is not connected, or whose queue is full, are dropped, as on any switch port.
 */
import type { Socket } from 'node:net';
import type { ChunkPool } from './chunk-pool.js';
import { countDrop, emptyCounters } from './counters.js';
import { Dialer } from './dialer.js';
import { FrameReader } from './frame-reader.js';
import type { MachinePort } from './machine-port.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type FrameSink } from './port.js';
import { type PortTap, PortTaps } from './port-taps.js';
import { Transmitter } from './transmitter.js';

export interface StreamPortOptions {
  readonly id: string;
  readonly socketPath: string;
  /** Largest packet; a frame may be its header longer, and a VLAN tag. */
  readonly mtuBytes: number;
  readonly sink: FrameSink;
  readonly pool: ChunkPool;
  readonly maxQueuedBytes?: number;
}

export class StreamPort implements MachinePort {
  readonly id: string;
  readonly counters = emptyCounters();
  /** The switch; another one when the NIC moves to another network. */
  sink: FrameSink;
  readonly #reader: FrameReader;
  readonly #transmitter: Transmitter;
  readonly #dialer: Dialer;
  readonly #taps = new PortTaps();
  #isConnected = false;

  constructor(options: StreamPortOptions) {
    this.id = options.id;
    this.sink = options.sink;
    this.#transmitter = new Transmitter(options.pool, options.maxQueuedBytes);
    this.#reader = new FrameReader(
      {
        onFrames: (batch, start, end, frameCount) => this.#onFrames(batch, start, end, frameCount),
        onOversized: () => countDrop(this, 'oversized'),
      },
      options.mtuBytes,
    );
    this.#dialer = new Dialer(options.socketPath, {
      onread: (socket) => ({
        buffer: () => this.#reader.area,
        callback: (byteCount) => this.#onRead(socket(), byteCount),
      }),
      onOpen: (socket) => {
        this.#reader.reset();
        this.#transmitter.open(socket);
        this.#isConnected = true;
      },
      onClose: () => {
        this.#isConnected = false;
        this.#transmitter.close();
      },
    });
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Bytes offered to the machine that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#transmitter.queuedBytes;
  }

  get mtuBytes(): number {
    return this.#reader.mtuBytes;
  }

  set mtuBytes(mtuBytes: number) {
    this.#reader.mtuBytes = mtuBytes;
  }

  set socketPath(path: string) {
    this.#dialer.redirect(path);
  }

  addTap(tap: PortTap): void {
    this.#taps.add(tap);
  }

  removeTap(tap: PortTap): void {
    this.#taps.remove(tap);
  }

  close(): void {
    this.#dialer.close();
    this.#reader.close();
    this.#taps.close();
  }

  offer(batch: FrameBatch, start: number, end: number, frameCount: number): void {
    if (!this.#isConnected) {
      countDrop(this, 'not-connected', frameCount);
      return;
    }
    const { frames, bytes } = this.#transmitter.offer(batch, start, end, frameCount);
    if (frames < frameCount) countDrop(this, 'queue-full', frameCount - frames);
    this.counters.txFrames += frames;
    this.counters.txBytes += bytes - frames * FRAME_HEADER_BYTES;
    this.#taps.show('received', batch, start, start + bytes);
  }

  flush(): void {
    this.#transmitter.flush();
  }

  #onRead(socket: Socket, byteCount: number): boolean {
    if (!this.#reader.take(byteCount)) {
      countDrop(this, 'bad-framing');
      socket.destroy();
    }
    return true;
  }

  #onFrames(batch: FrameBatch, start: number, end: number, frameCount: number): void {
    this.counters.rxFrames += frameCount;
    this.counters.rxBytes += end - start - frameCount * FRAME_HEADER_BYTES;
    this.#taps.show('sent', batch, start, end);
    this.sink.forward(this, batch, start, end);
  }
}
