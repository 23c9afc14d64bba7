/**
 * From frames that come one by one, each behind a virtio_net_hdr, to batches for the switch.
 *
 * Theory of operation. A source puts each frame where `frameAt` says and `take`s it; `deliver` hands what was taken to
 * the switch as one batch. What the header leaves to the receiver is checked here, against bytes that nobody else can
 * change any more, and noted in the batch's table; a header that lies is refused with its frame, for the ports behind
 * the switch trust what they read. The chunk is used again unless a port retained it.
 */
import { type Offload, readVirtioNetHeader } from '../../wire/virtio-net-header.js';
import { emptyOffload, OffloadTable } from '../offload/offload-table.js';
import { isSound } from '../offload/segmentation.js';
import { CHUNK_BYTES, type ChunkPool } from './chunk-pool.js';
import { countDrop } from './counters.js';
import type { MachinePort } from './machine-port.js';
import { PooledBatch } from './pooled-batch.js';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, MIN_FRAME_BYTES } from './port.js';
import type { PortTaps } from './port-taps.js';

/** An 802.1Q tag makes a frame longer without making its packet longer. */
const VLAN_TAG_BYTES = 4;
const VLAN_ETHER_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);

export class FrameIntake {
  readonly #port: MachinePort;
  readonly #taps: PortTaps;
  readonly #pool: ChunkPool;
  readonly #offloads = new OffloadTable();
  readonly #offload: Offload = emptyOffload();
  #batch: PooledBatch | undefined;
  #usedBytes = 0;
  #frameCount = 0;

  constructor(port: MachinePort, taps: PortTaps, pool: ChunkPool) {
    this.#port = port;
    this.#taps = taps;
    this.#pool = pool;
  }

  /** Whether the batch has room for the longest frame; otherwise it is to be delivered first. */
  get hasRoom(): boolean {
    return this.#usedBytes + FRAME_HEADER_BYTES + MAX_FRAME_BYTES <= CHUNK_BYTES;
  }

  get bytes(): Buffer {
    this.#batch ??= new PooledBatch(this.#pool);
    return this.#batch.bytes;
  }

  /** Where in `bytes` the next frame goes. */
  get frameAt(): number {
    return this.#usedBytes + FRAME_HEADER_BYTES;
  }

  /** The next frame is in place; its virtio_net_hdr stands at `offset` of `header`. */
  take(frameBytes: number, header: Buffer, offset: number): void {
    const { bytes } = this;
    const frame = this.frameAt;
    const reason = this.#refusal(bytes, frame, frameBytes, header, offset);
    if (reason !== undefined) {
      countDrop(this.#port, reason);
      return;
    }
    bytes.writeUInt32BE(frameBytes, this.#usedBytes);
    this.#usedBytes = frame + frameBytes;
    this.#frameCount += 1;
  }

  /** Hands on what was taken. @returns whether there was anything. */
  deliver(): boolean {
    const batch = this.#batch;
    const end = this.#usedBytes;
    if (batch === undefined || end === 0) return false;
    const { counters, sink } = this.#port;
    counters.rxFrames += this.#frameCount;
    counters.rxBytes += end - this.#frameCount * FRAME_HEADER_BYTES;
    this.#usedBytes = 0;
    this.#frameCount = 0;
    if (this.#offloads.isEmpty) delete batch.offloads;
    else batch.offloads = this.#offloads;
    this.#taps.show('sent', batch, 0, end);
    sink.forward(this.#port, batch, 0, end);
    this.#offloads.clear();
    if (batch.retained) {
      this.#batch = undefined;
      batch.release();
    }
    return true;
  }

  close(): void {
    this.#batch?.release();
    this.#batch = undefined;
    this.#usedBytes = 0;
    this.#frameCount = 0;
    this.#offloads.clear();
  }

  #refusal(
    bytes: Buffer,
    frame: number,
    frameBytes: number,
    header: Buffer,
    headerOffset: number,
  ): string | undefined {
    if (frameBytes < MIN_FRAME_BYTES) return 'malformed';
    const { mtuBytes } = this.#port;
    const leaves = readVirtioNetHeader(header, headerOffset, this.#offload);
    if (leaves && !isSound(bytes, frame, frame + frameBytes, this.#offload, mtuBytes)) return 'bad-offload';
    if (!leaves || this.#offload.gsoSize === 0) {
      const maxBytes = mtuBytes + MIN_FRAME_BYTES;
      const isTagged = frameBytes > maxBytes && VLAN_ETHER_TYPES.has(bytes.readUInt16BE(frame + 12));
      if (frameBytes > maxBytes + (isTagged ? VLAN_TAG_BYTES : 0)) return 'oversized';
    }
    if (leaves) this.#offloads.add(this.#usedBytes, this.#offload);
    return undefined;
  }
}
