/**
 * Does in software what frames leave to their receiver, for ports whose far side cannot: QEMU's stream sockets have no
 * place for a virtio_net_hdr.
 *
 * Theory of operation. `offer` walks a range as the switch does. A missing checksum is put in where the frame lies, and
 * the table says so, so that it is done once however many ports the frame goes to. A frame of many segments is cut into
 * a batch of its own, of which the port gets the range instead. Those batches live until `release`, for which the
 * switch calls once the ports are flushed; ports that retained one release it later.
 */
import type { ChunkPool } from '../ports/chunk-pool.js';
import { CHUNK_BYTES } from '../ports/chunk-pool.js';
import { countDrop } from '../ports/counters.js';
import { PooledBatch } from '../ports/pooled-batch.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type Port } from '../ports/port.js';
import { emptyOffload } from './offload-table.js';
import { completeChecksum, segmentedBytes, tcpHeadersOf, writeSegment } from './segmentation.js';

export class SoftwareOffload {
  readonly #pool: ChunkPool;
  readonly #batches: PooledBatch[] = [];
  #usedBytes = 0;
  readonly #offload = emptyOffload();

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** How many batches are held; what `release` goes back to. */
  get heldBatches(): number {
    return this.#batches.length;
  }

  /** Lets go of the batches made since `heldBatches` was `mark`. */
  release(mark: number): void {
    while (this.#batches.length > mark) this.#batches.pop()?.release();
    this.#usedBytes = CHUNK_BYTES;
  }

  /** Offers the frames of the range to the port with nothing left to do. */
  offer(port: Port, batch: FrameBatch, start: number, end: number): void {
    const { bytes, offloads } = batch;
    const offload = this.#offload;
    let runStart = start;
    let runFrames = 0;
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      const next = frame + bytes.readUInt32BE(position);
      const isUnfinished = offloads?.read(position, offload) === true;
      if (isUnfinished && offload.gsoSize > 0) {
        if (runFrames > 0) port.offer(batch, runStart, position, runFrames);
        this.#offerSegments(port, bytes, frame, next);
        runStart = next;
        runFrames = 0;
      } else {
        if (isUnfinished) {
          completeChecksum(bytes, frame, next, offload);
          offloads?.finished(position);
        }
        runFrames += 1;
      }
      position = next;
    }
    if (runFrames > 0) port.offer(batch, runStart, end, runFrames);
  }

  #offerSegments(port: Port, bytes: Buffer, frame: number, end: number): void {
    const { gsoSize } = this.#offload;
    const headers = tcpHeadersOf(bytes, frame, end);
    if (headers === undefined) {
      // Refused where it came in; a frame that is not cut must not go on.
      countDrop(port, 'bad-offload');
      return;
    }
    const batch = this.#roomFor(segmentedBytes(end - frame, headers, gsoSize, FRAME_HEADER_BYTES));
    const first = this.#usedBytes;
    let number = 0;
    for (let from = frame + headers.payload; from < end || number === 0; from += gsoSize) {
      const at = this.#usedBytes + FRAME_HEADER_BYTES;
      const behind = writeSegment(bytes, frame, end, headers, gsoSize, number, batch.bytes, at);
      batch.bytes.writeUInt32BE(behind - at, this.#usedBytes);
      this.#usedBytes = behind;
      number += 1;
    }
    port.offer(batch, first, this.#usedBytes, number);
  }

  #roomFor(byteCount: number): PooledBatch {
    const current = this.#batches.at(-1);
    if (current !== undefined && this.#usedBytes + byteCount <= CHUNK_BYTES) return current;
    const batch = new PooledBatch(this.#pool);
    this.#batches.push(batch);
    this.#usedBytes = 0;
    return batch;
  }
}
