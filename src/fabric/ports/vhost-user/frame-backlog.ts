/** Frames that wait for the guest to give buffers, copied, with what they leave to it. Bounded by who appends. */
import { emptyOffload, OffloadTable } from '../../offload/offload-table.js';
import { CHUNK_BYTES, type ChunkPool } from '../chunk-pool.js';
import { PooledBatch } from '../pooled-batch.js';
import { FRAME_HEADER_BYTES, type FrameBatch } from '../port.js';

interface Chunk {
  readonly batch: PooledBatch;
  readonly offloads: OffloadTable;
  /** Frames [start, end) wait. */
  start: number;
  end: number;
}

export class FrameBacklog {
  readonly #pool: ChunkPool;
  readonly #chunks: Chunk[] = [];
  readonly #offload = emptyOffload();
  #byteCount = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** Adds the frame that stands at `position`, its length included. */
  append({ bytes, offloads }: FrameBatch, position: number): void {
    const end = position + FRAME_HEADER_BYTES + bytes.readUInt32BE(position);
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.end + end - position > CHUNK_BYTES) {
      const offloadsOfChunk = new OffloadTable();
      const batch = new PooledBatch(this.#pool);
      batch.offloads = offloadsOfChunk;
      chunk = { batch, offloads: offloadsOfChunk, start: 0, end: 0 };
      this.#chunks.push(chunk);
    }
    bytes.copy(chunk.batch.bytes, chunk.end, position, end);
    if (offloads?.read(position, this.#offload) === true) chunk.offloads.add(chunk.end, this.#offload);
    chunk.end += end - position;
    this.#byteCount += end - position;
  }

  /** The frame that waits longest: its batch, and where it stands. */
  first(): { readonly batch: FrameBatch; readonly position: number } | undefined {
    const chunk = this.#chunks[0];
    return chunk && { batch: chunk.batch, position: chunk.start };
  }

  /** That frame is through. */
  shift(): void {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return;
    const frameBytes = FRAME_HEADER_BYTES + chunk.batch.bytes.readUInt32BE(chunk.start);
    chunk.start += frameBytes;
    this.#byteCount -= frameBytes;
    if (chunk.start < chunk.end) return;
    this.#chunks.shift();
    chunk.batch.release();
  }

  clear(): void {
    for (const { batch } of this.#chunks) batch.release();
    this.#chunks.length = 0;
    this.#byteCount = 0;
  }
}
