/**
 * Payload on its way to the guest, from the moment the host socket gave it until the guest acknowledged it.
 *
 * The host socket reads straight into the ring and segments are copied out of it into the link's buffer, so that a
 * retransmission adds no copy. A byte's place follows from its sequence number; as the size divides 2^32, this holds
 * across the wrap.
 *
 * Node asks for the space of the next read as soon as the last one is over, and cannot be given another until that read
 * happened. The space is therefore a quarter of the ring at most, and reading goes on only while all of it is free.
 */
import { copyWithSum, partialSum } from '../../../wire/checksum.js';
import { copyBytes } from '../../../wire/simd.js';
import { giveBlock, takeBlock } from '../../../wire/simd-memory.js';
import { sequenceAdd, sequenceDistance } from '../../../wire/tcp.js';

const NO_BYTES = Buffer.alloc(0);

export class SendRing {
  /** Sequence number of the oldest byte kept. */
  start: number;
  /** Sequence number behind the newest byte. */
  end: number;
  readonly #origin: number;
  #bytes: Buffer;
  #mask: number;
  #readBytes = 0;

  /**
   * @param sizeBytes a power of two.
   * @param firstSequence of the first byte.
   */
  constructor(sizeBytes: number, firstSequence: number) {
    this.#bytes = takeBlock(sizeBytes);
    this.#mask = sizeBytes - 1;
    this.#origin = firstSequence;
    this.start = firstSequence;
    this.end = firstSequence;
    this.#nameSpace();
  }

  get sizeBytes(): number {
    return this.#mask + 1;
  }

  get keptBytes(): number {
    return sequenceDistance(this.end, this.start);
  }

  /** Whether all of the space of the next read is free. */
  get readable(): boolean {
    return this.sizeBytes - this.keptBytes >= this.#readBytes;
  }

  /** The space behind the newest byte, to be read into while `readable`. */
  nextRead(): Uint8Array {
    const offset = this.#offset(this.end);
    return this.#bytes.subarray(offset, offset + this.#readBytes);
  }

  /**
   * `bytes` were read into the space that `nextRead` named; the next space is the one behind them.
   * @returns whether they filled it and the next is free, so that reading goes on at once.
   */
  commit(bytes: number): boolean {
    const filled = bytes === this.#readBytes;
    this.end = sequenceAdd(this.end, bytes);
    this.#nameSpace();
    return filled && this.readable;
  }

  /** The guest has everything before `sequence`. */
  release(sequence: number): void {
    this.start = sequence;
  }

  /** Copies `bytes` from `sequence` on. @returns their partial sum (`wire/checksum.ts`). */
  copyTo(target: Buffer, targetOffset: number, sequence: number, bytes: number): number {
    const offset = this.#offset(sequence);
    const beforeWrap = this.sizeBytes - offset;
    if (bytes <= beforeWrap) return copyWithSum(target, targetOffset, this.#bytes, offset, offset + bytes);
    copyBytes(target, targetOffset, this.#bytes, offset, this.sizeBytes);
    copyBytes(target, targetOffset + beforeWrap, this.#bytes, 0, bytes - beforeWrap);
    return partialSum(target, targetOffset, targetOffset + bytes);
  }

  /** Moves to a larger ring. Only between `commit` and `nextRead`, while no read is bound for the old one. */
  grow(sizeBytes: number): void {
    const old = this.#bytes;
    const oldMask = this.#mask;
    this.#bytes = takeBlock(sizeBytes);
    this.#mask = sizeBytes - 1;
    let position = sequenceDistance(this.start, this.#origin);
    const last = position + this.keptBytes;
    while (position < last) {
      const from = position & oldMask;
      const to = position & this.#mask;
      const bytes = Math.min(last - position, oldMask + 1 - from, sizeBytes - to);
      copyBytes(this.#bytes, to, old, from, from + bytes);
      position += bytes;
    }
    giveBlock(old);
    this.#nameSpace();
  }

  /** Gives the memory back. Only when nothing will be read or sent again. */
  discard(): void {
    giveBlock(this.#bytes);
    this.#bytes = NO_BYTES;
  }

  #nameSpace(): void {
    this.#readBytes = Math.min(this.sizeBytes >>> 2, this.sizeBytes - this.#offset(this.end));
  }

  #offset(sequence: number): number {
    return (sequence - this.#origin) & this.#mask;
  }
}
