/**
 * Where a gateway's frames are built: one pooled chunk in stream framing, handed to the switch as one batch.
 *
 * Theory of operation: the first `begin` takes a chunk, `flush` gives it back once the switch is done with it, so that
 * an idle gateway holds no memory and a busy one keeps writing into the same warm pages. A frame that does not fit
 * hands over what is there first. A chunk that ports retained goes back to the pool once all of them have released it;
 * under load that is most of them, and chunks made anew cost more than what is written into them. While the switch
 * reads one chunk, a nested `begin` takes another.
 */
import { ETHERNET_HEADER_BYTES, writeEthernetHeader } from '../../wire/ethernet.js';
import type { Offload } from '../../wire/virtio-net-header.js';
import { OffloadTable } from '../offload/offload-table.js';
import { CHUNK_BYTES, type ChunkPool } from '../ports/chunk-pool.js';
import { PooledBatch } from '../ports/pooled-batch.js';
import { FRAME_HEADER_BYTES, type FrameSink, MAX_FRAME_BYTES, type Port } from '../ports/port.js';

const OVERHEAD_BYTES = FRAME_HEADER_BYTES + ETHERNET_HEADER_BYTES;
const NO_BYTES = Buffer.alloc(0);

export class FrameWriter {
  readonly #port: Port;
  readonly #sink: FrameSink;
  readonly #pool: ChunkPool;
  #chunk: Buffer | undefined;
  #usedBytes = 0;
  #lastFrame = 0;
  readonly #spareTable = new OffloadTable();
  #offloads: OffloadTable | undefined;

  constructor(port: Port, sink: FrameSink, pool: ChunkPool) {
    this.#port = port;
    this.#sink = sink;
    this.#pool = pool;
  }

  /** What the last `begin` returned an offset into; empty after `flush`. */
  get bytes(): Buffer {
    return this.#chunk ?? NO_BYTES;
  }

  /**
   * Starts a frame with room for `packetBytes` behind its Ethernet header.
   * @returns the offset of that room.
   * @throws RangeError for a packet that no frame can hold: a defect of the caller.
   */
  begin(destinationMac: number, sourceMac: number, etherType: number, packetBytes: number): number {
    const frameBytes = ETHERNET_HEADER_BYTES + packetBytes;
    if (frameBytes > MAX_FRAME_BYTES) throw new RangeError(`a packet of ${packetBytes} bytes fits no frame`);
    if (this.#usedBytes + OVERHEAD_BYTES + packetBytes > CHUNK_BYTES) this.flush();
    const chunk = (this.#chunk ??= this.#pool.take());
    const frameOffset = this.#usedBytes + FRAME_HEADER_BYTES;
    chunk.writeUInt32BE(frameBytes, this.#usedBytes);
    this.#lastFrame = this.#usedBytes;
    this.#usedBytes = frameOffset + frameBytes;
    const { counters } = this.#port;
    counters.rxFrames += 1;
    counters.rxBytes += frameBytes;
    return writeEthernetHeader(chunk, frameOffset, destinationMac, sourceMac, etherType);
  }

  /** What the frame begun last leaves to its receiver, which takes it: see `Port.takesOffloads`. */
  leave(offload: Offload): void {
    // A nested `begin` finds the spare table empty or in use.
    this.#offloads ??= this.#spareTable.isEmpty ? this.#spareTable : new OffloadTable();
    this.#offloads.add(this.#lastFrame, offload);
  }

  flush(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    const batch = new PooledBatch(this.#pool, chunk);
    const offloads = this.#offloads;
    if (offloads !== undefined) batch.offloads = offloads;
    const end = this.#usedBytes;
    this.#chunk = undefined;
    this.#offloads = undefined;
    this.#usedBytes = 0;
    this.#sink.forward(this.#port, batch, 0, end);
    offloads?.clear();
    batch.release();
  }
}
