/**
 * Payload on its way from the guest to the host.
 *
 * Segments of one batch are gathered into a chunk and handed over as one write, so that a system call moves many
 * segments. While the host does not take them, chunks line up, each filled before the next is begun; the receive window
 * closes by as much. One write is outstanding at a time.
 */
import { copyBytes } from '../../../wire/simd.js';
import { giveBlock, takeBlock } from '../../../wire/simd-memory.js';
import type { HostStream } from './host-stream.js';

export const CHUNK_BYTES = 1 << 16;
/** Free chunks that are kept for the next batch. */
const MAX_FREE_CHUNKS = 64;

export class ChunkPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? takeBlock(CHUNK_BYTES);
  }

  give(chunk: Buffer): void {
    if (this.#free.length < MAX_FREE_CHUNKS) this.#free.push(chunk);
    else giveBlock(chunk);
  }
}

export class HostQueue {
  readonly #pool: ChunkPool;
  readonly #full: Buffer[] = [];
  #chunk: Buffer | undefined;
  /** Filled bytes of `#chunk`. */
  #filledBytes = 0;
  #writing: Buffer | undefined;
  #writingBytes = 0;
  #finishing = false;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** Bytes accepted from the guest that the host has not taken. */
  get queuedBytes(): number {
    return this.#writingBytes + this.#full.length * CHUNK_BYTES + this.#filledBytes;
  }

  /** Copies bytes [start, end); `push` hands them over. */
  append(bytes: Buffer, start: number, end: number): void {
    let position = start;
    while (position < end) {
      if (this.#filledBytes === CHUNK_BYTES) this.#seal();
      this.#chunk ??= this.#pool.take();
      const copied = Math.min(end - position, CHUNK_BYTES - this.#filledBytes);
      copyBytes(this.#chunk, this.#filledBytes, bytes, position, position + copied);
      this.#filledBytes += copied;
      position += copied;
    }
  }

  /** The guest has sent its last byte: `push` ends the stream behind it. */
  finish(): void {
    this.#finishing = true;
  }

  /** Hands over what is there, unless a write is outstanding. */
  push(stream: HostStream): void {
    while (this.#writing === undefined && this.#filledBytes > 0) this.#write(stream);
    if (this.#finishing && this.queuedBytes === 0) {
      this.#finishing = false;
      stream.end();
    }
  }

  /** The outstanding write was taken. */
  drained(stream: HostStream): void {
    if (this.#writing !== undefined) this.#pool.give(this.#writing);
    this.#writing = undefined;
    this.#writingBytes = 0;
    this.push(stream);
  }

  /** Forgets everything; the host's stream is gone and holds nothing. */
  discard(): void {
    if (this.#writing !== undefined) this.#pool.give(this.#writing);
    if (this.#chunk !== undefined) this.#pool.give(this.#chunk);
    for (const chunk of this.#full) this.#pool.give(chunk);
    this.#full.length = 0;
    this.#chunk = undefined;
    this.#filledBytes = 0;
    this.#writing = undefined;
    this.#writingBytes = 0;
    this.#finishing = false;
  }

  #seal(): void {
    if (this.#chunk !== undefined) this.#full.push(this.#chunk);
    this.#chunk = undefined;
    this.#filledBytes = 0;
  }

  #write(stream: HostStream): void {
    const full = this.#full.shift();
    const chunk = full ?? this.#chunk;
    if (chunk === undefined) return;
    const bytes = full === undefined ? this.#filledBytes : CHUNK_BYTES;
    if (full === undefined) {
      this.#chunk = undefined;
      this.#filledBytes = 0;
    }
    if (stream.write(chunk.subarray(0, bytes))) {
      this.#pool.give(chunk);
      return;
    }
    this.#writing = chunk;
    this.#writingBytes = bytes;
  }
}
