import { giveBlock, takeBlock } from '../../wire/simd-memory.js';

/** Buffers that ports gather and queue frames in. A pool that runs dry allocates; one that is full lets go. */
export const CHUNK_BYTES = 256 * 1024;

/** Chunks kept for later use, 16 MB in all. */
const MAX_IDLE_CHUNKS = 64;

export class ChunkPool {
  readonly #idle: Buffer[] = [];

  take(): Buffer {
    return this.#idle.pop() ?? takeBlock(CHUNK_BYTES);
  }

  give(chunk: Buffer): void {
    if (this.#idle.length < MAX_IDLE_CHUNKS) this.#idle.push(chunk);
    else giveBlock(chunk);
  }
}
