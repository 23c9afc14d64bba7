/**
 * A port with a NIC of the host behind it, and behind that the LAN.
 *
 * Theory of operation, that of a tap port: frames are read straight into the batch and written from where they lie,
 * checksums and segmentation are left to whoever is last (virtio_net_hdr). The NIC's queue holds what we write; what it
 * has no room for is dropped and counted.
 */
import { writeVirtioNetHeader } from '../../../wire/virtio-net-header.js';
import { Errno, type Libc } from '../../native/libc.js';
import type { Poller, Watch } from '../../native/poller.js';
import { emptyOffload } from '../../offload/offload-table.js';
import type { ChunkPool } from '../chunk-pool.js';
import { countDrop, emptyCounters } from '../counters.js';
import { FrameIntake } from '../frame-intake.js';
import type { MachinePort } from '../machine-port.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type FrameSink, MAX_FRAME_BYTES } from '../port.js';
import { type PortTap, PortTaps } from '../port-taps.js';
import { PACKET_HEADER_BYTES, PacketSocket } from './packet-socket.js';

export interface PacketPortOptions {
  readonly id: string;
  readonly device: string;
  readonly interfaceIndex: number;
  readonly mtuBytes: number;
  readonly sink: FrameSink;
  readonly pool: ChunkPool;
  readonly libc: Libc;
  readonly poller: Poller;
}

interface Range {
  readonly batch: FrameBatch;
  readonly start: number;
  readonly end: number;
}

export class PacketPort implements MachinePort {
  readonly id: string;
  readonly counters = emptyCounters();
  readonly takesOffloads = true;
  readonly isConnected = true;
  sink: FrameSink;
  mtuBytes: number;
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #socket: PacketSocket;
  readonly #watch: Watch;
  readonly #taps = new PortTaps();
  readonly #intake: FrameIntake;
  readonly #offload = emptyOffload();
  #offered: Range[] = [];

  /** @throws PasserelleError `fabric/uplink-refused`. */
  constructor({ id, device, interfaceIndex, mtuBytes, sink, pool, libc, poller }: PacketPortOptions) {
    this.id = id;
    this.sink = sink;
    this.mtuBytes = mtuBytes;
    this.#libc = libc;
    this.#poller = poller;
    this.#intake = new FrameIntake(this, this.#taps, pool);
    this.#socket = new PacketSocket(libc, device, interfaceIndex);
    this.#watch = poller.watch(this.#socket.fd, this);
  }

  addTap(tap: PortTap): void {
    this.#taps.add(tap);
  }

  removeTap(tap: PortTap): void {
    this.#taps.remove(tap);
  }

  close(): void {
    this.#poller.unwatch(this.#watch);
    this.#socket.close();
    this.#intake.close();
    this.#taps.close();
  }

  /** One batch from the NIC to the switch. */
  poll(): boolean {
    const intake = this.#intake;
    while (intake.hasRoom) {
      const { bytes, frameAt } = intake;
      const byteCount = this.#socket.read(this.#libc.addressOf(bytes) + frameAt, MAX_FRAME_BYTES);
      if (byteCount <= PACKET_HEADER_BYTES) break;
      if (this.#socket.wasTagged) countDrop(this, 'vlan-tagged');
      else intake.take(byteCount - PACKET_HEADER_BYTES, this.#socket.header, 0);
    }
    return intake.deliver();
  }

  offer(batch: FrameBatch, start: number, end: number): void {
    this.#offered.push({ batch, start, end });
  }

  flush(): void {
    const offered = this.#offered;
    this.#offered = [];
    for (const { batch, start, end } of offered) this.#write(batch, start, end);
  }

  #write(batch: FrameBatch, start: number, end: number): void {
    const { bytes, offloads } = batch;
    const address = this.#libc.addressOf(bytes);
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      const frameBytes = bytes.readUInt32BE(position);
      const leaves = offloads?.read(position, this.#offload) === true;
      writeVirtioNetHeader(this.#socket.header, 0, leaves ? this.#offload : undefined);
      if (this.#socket.write(address + frame, frameBytes)) {
        this.counters.txFrames += 1;
        this.counters.txBytes += frameBytes;
      } else countDrop(this, this.#libc.errno() === Errno.enobufs ? 'queue-full' : 'not-connected');
      position = frame + frameBytes;
    }
    this.#taps.show('received', batch, start, end);
  }
}
