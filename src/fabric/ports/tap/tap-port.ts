/**
 * A port with the host's own network stack behind it: a TAP device, by which a namespace, a container, another
 * hypervisor or the host itself is plugged in.
 *
 * Theory of operation. The kernel leaves checksums and TCP segmentation to us and takes them from us (virtio_net_hdr), so
 * a frame may hold 64 KB, and from tap to tap it passes whole. Frames are read straight into the batch and written from
 * where they lie. A poll reads one batch, so no tap starves another port. The kernel queues for its own stack and drops
 * what it cannot; nothing waits here.
 */
import { VIRTIO_NET_HEADER_BYTES, writeVirtioNetHeader } from '../../../wire/virtio-net-header.js';
import { Errno, type Libc } from '../../native/libc.js';
import type { Poller, Watch } from '../../native/poller.js';
import { emptyOffload } from '../../offload/offload-table.js';
import type { ChunkPool } from '../chunk-pool.js';
import { countDrop, emptyCounters } from '../counters.js';
import { FrameIntake } from '../frame-intake.js';
import type { MachinePort } from '../machine-port.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type FrameSink, MAX_FRAME_BYTES } from '../port.js';
import { type PortTap, PortTaps } from '../port-taps.js';
import { TapDevice, type TapPlace } from './tap-device.js';

export interface TapPortOptions {
  readonly id: string;
  readonly place: TapPlace;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  readonly mtuBytes: number;
  readonly sink: FrameSink;
  readonly pool: ChunkPool;
  readonly libc: Libc;
  readonly poller: Poller;
}

/** struct iovec, twice: the header, and the frame. */
const RANGES_BYTES = 32;
const TWO_POW_32 = 0x1_0000_0000;

export class TapPort implements MachinePort {
  readonly id: string;
  readonly counters = emptyCounters();
  readonly takesOffloads = true;
  sink: FrameSink;
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #device: TapDevice;
  readonly #watch: Watch;
  readonly #taps = new PortTaps();
  readonly #intake: FrameIntake;
  readonly #header: Buffer;
  readonly #ranges: Buffer;
  readonly #rangesAddress: number;
  readonly #offload = emptyOffload();
  readonly #batches: FrameBatch[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #mac: Uint8Array;
  #mtuBytes: number;
  #isGone = false;

  /** @throws PasserelleError `fabric/tap-refused`. */
  constructor(options: TapPortOptions) {
    const { libc, poller, mac, mtuBytes } = options;
    this.id = options.id;
    this.sink = options.sink;
    this.#libc = libc;
    this.#poller = poller;
    this.#mac = mac;
    this.#mtuBytes = mtuBytes;
    const header = libc.allocate(VIRTIO_NET_HEADER_BYTES);
    const ranges = libc.allocate(RANGES_BYTES);
    this.#header = header.bytes;
    this.#ranges = ranges.bytes;
    this.#rangesAddress = ranges.address;
    this.#setRange(0, header.address, VIRTIO_NET_HEADER_BYTES);
    this.#intake = new FrameIntake(this, this.#taps, options.pool);
    this.#device = new TapDevice(libc, options.place, { mac, mtuBytes });
    this.#watch = poller.watch(this.#device.fd, this);
  }

  /** Until somebody deletes the device, or its namespace. */
  get isConnected(): boolean {
    return !this.#isGone;
  }

  get mtuBytes(): number {
    return this.#mtuBytes;
  }

  set mtuBytes(mtuBytes: number) {
    if (mtuBytes === this.#mtuBytes) return;
    this.#mtuBytes = mtuBytes;
    this.#identify();
  }

  set mac(mac: Uint8Array) {
    if (Buffer.compare(mac, this.#mac) === 0) return;
    this.#mac = mac;
    this.#identify();
  }

  addTap(tap: PortTap): void {
    this.#taps.add(tap);
  }

  removeTap(tap: PortTap): void {
    this.#taps.remove(tap);
  }

  close(): void {
    this.#poller.unwatch(this.#watch);
    this.#device.close();
    this.#intake.close();
    this.#taps.close();
  }

  /** One batch from the kernel to the switch. */
  poll(): boolean {
    const intake = this.#intake;
    while (intake.hasRoom) {
      const { bytes, frameAt } = intake;
      this.#setRange(1, this.#libc.addressOf(bytes) + frameAt, MAX_FRAME_BYTES);
      const byteCount = this.#libc.readv(this.#device.fd, this.#rangesAddress, 2);
      if (byteCount < 0 && this.#libc.errno() === Errno.ebadfd) this.#gone();
      if (byteCount <= VIRTIO_NET_HEADER_BYTES) break;
      intake.take(byteCount - VIRTIO_NET_HEADER_BYTES, this.#header, 0);
    }
    return intake.deliver();
  }

  offer(batch: FrameBatch, start: number, end: number): void {
    this.#batches.push(batch);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  flush(): void {
    for (let index = 0; index < this.#batches.length; index++) {
      this.#write(this.#batches[index]!, this.#starts[index]!, this.#ends[index]!);
    }
    this.#batches.length = 0;
    this.#starts.length = 0;
    this.#ends.length = 0;
  }

  #identify(): void {
    if (!this.#isGone) this.#device.identify({ mac: this.#mac, mtuBytes: this.#mtuBytes });
  }

  /** A descriptor without a device is always ready, and never again for anything. */
  #gone(): void {
    this.#isGone = true;
    this.#poller.unwatch(this.#watch);
  }

  #write(batch: FrameBatch, start: number, end: number): void {
    const { bytes, offloads } = batch;
    const address = this.#libc.addressOf(bytes);
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      const frameBytes = bytes.readUInt32BE(position);
      const leaves = offloads?.read(position, this.#offload) === true;
      writeVirtioNetHeader(this.#header, 0, leaves ? this.#offload : undefined);
      this.#setRange(1, address + frame, frameBytes);
      if (this.#libc.writev(this.#device.fd, this.#rangesAddress, 2) >= 0) {
        this.counters.txFrames += 1;
        this.counters.txBytes += frameBytes;
      } else this.#countRefusal();
      position = frame + frameBytes;
    }
    this.#taps.show('received', batch, start, end);
  }

  /** EIO: the device is down; EBADFD: it is gone. */
  #countRefusal(): void {
    const isFull = this.#libc.errno() === Errno.eagain;
    countDrop(this, isFull ? 'queue-full' : 'not-connected');
  }

  /** Halves, since a 64-bit number would be a BigInt. */
  #setRange(index: number, address: number, byteCount: number): void {
    const at = index * 16;
    this.#ranges.writeUInt32LE(address % TWO_POW_32, at);
    this.#ranges.writeUInt32LE(Math.floor(address / TWO_POW_32), at + 4);
    this.#ranges.writeUInt32LE(byteCount, at + 8);
  }
}
