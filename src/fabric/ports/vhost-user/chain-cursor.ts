/**
 * Walks along the buffers of a chain, reading what the guest wrote or writing what it is to read, never past its memory.
 * Pure.
 */
import type { GuestMemory } from './guest-memory.js';
import type { Virtqueue } from './virtqueue.js';

const NO_BYTES = new Uint8Array(0);
/** Headers are a dozen bytes: for those a loop is quicker than a view of the source. */
const LOOP_BYTES = 16;

export class ChainCursor {
  readonly #memory: GuestMemory;
  readonly #queue: Virtqueue;
  #index = 0;
  /** Bytes of that buffer already passed. */
  #offset = 0;
  /** Where the next bytes lie, once `#locate` has found them. */
  #part: Uint8Array = NO_BYTES;
  #partStart = 0;

  constructor(memory: GuestMemory, queue: Virtqueue) {
    this.#memory = memory;
    this.#queue = queue;
  }

  /** Goes to the start of the chain that the queue took last. */
  rewind(): void {
    this.#index = 0;
    this.#offset = 0;
  }

  /**
   * Reads at most `limit` bytes into `target` at `at`.
   * @returns how many there were; -1 when a buffer leaves the guest's memory.
   */
  read(target: Uint8Array, at: number, limit: number): number {
    let copied = 0;
    while (copied < limit) {
      const byteCount = this.#locate(false, limit - copied);
      if (byteCount < 0) return -1;
      if (byteCount === 0) break;
      copyBytes(this.#part, this.#partStart, target, at + copied, byteCount);
      copied += byteCount;
      this.#offset += byteCount;
    }
    return copied;
  }

  /**
   * Writes `source` [start, end).
   * @returns how many bytes fitted; -1 when a buffer leaves the guest's memory.
   */
  write(source: Uint8Array, start: number, end: number): number {
    let from = start;
    while (from < end) {
      const byteCount = this.#locate(true, end - from);
      if (byteCount < 0) return -1;
      if (byteCount === 0) break;
      copyBytes(source, from, this.#part, this.#partStart, byteCount);
      from += byteCount;
      this.#offset += byteCount;
    }
    return from - start;
  }

  /** Finds up to `limit` bytes that lie together. @returns how many; 0 at the end of the chain; -1: not there. */
  #locate(isWritable: boolean, limit: number): number {
    const { buffers, bufferCount } = this.#queue;
    while (this.#index < bufferCount) {
      const buffer = buffers[this.#index]!;
      if (buffer.isWritable !== isWritable || this.#offset >= buffer.byteCount) {
        this.#index += 1;
        this.#offset = 0;
        continue;
      }
      const address = buffer.address + this.#offset;
      const piece = this.#memory.find(address);
      if (piece === undefined) return -1;
      this.#part = piece.bytes;
      this.#partStart = address - piece.guestAddress;
      return Math.min(buffer.byteCount - this.#offset, limit, piece.bytes.length - this.#partStart);
    }
    return 0;
  }
}

function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  at: number,
  byteCount: number,
): void {
  if (byteCount <= LOOP_BYTES) {
    for (let index = 0; index < byteCount; index++) target[at + index] = source[from + index]!;
  } else {
    // Not `subarray`: of a Buffer that makes another Buffer, at three times the price.
    target.set(new Uint8Array(source.buffer, source.byteOffset + from, byteCount), at);
  }
}
