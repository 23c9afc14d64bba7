/**
 * What the frames of one batch leave to their receiver, by where each stands. Most batches have none: then the batch
 * has no table. Positions are those of the length before the frame, and come in ascending order.
 */
import type { Offload } from '../../wire/virtio-net-header.js';

const FIRST_CAPACITY = 64;
const FIELDS = 5;

export class OffloadTable {
  #positions = new Int32Array(FIRST_CAPACITY);
  #fields = new Int32Array(FIRST_CAPACITY * FIELDS);
  #count = 0;
  /** Frames are mostly asked for in order. */
  #cursor = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  clear(): void {
    this.#count = 0;
    this.#cursor = 0;
  }

  /** Notes a frame that stands behind all others noted. */
  add(position: number, offload: Offload): void {
    if (this.#count === this.#positions.length) this.#grow();
    this.#positions[this.#count] = position;
    const at = this.#count * FIELDS;
    this.#fields[at] = offload.checksumStart;
    this.#fields[at + 1] = offload.checksumOffset;
    this.#fields[at + 2] = offload.gsoSize;
    this.#fields[at + 3] = offload.gsoType;
    this.#fields[at + 4] = offload.headerBytes;
    this.#count += 1;
  }

  /** @returns whether the frame at `position` leaves anything; then it is in `into`. */
  read(position: number, into: Offload): boolean {
    const index = this.#indexOf(position);
    if (index < 0) return false;
    const at = index * FIELDS;
    into.checksumStart = this.#fields[at]!;
    into.checksumOffset = this.#fields[at + 1]!;
    into.gsoSize = this.#fields[at + 2]!;
    into.gsoType = this.#fields[at + 3]!;
    into.headerBytes = this.#fields[at + 4]!;
    // A checksum that was put in meanwhile is noted as no place for one.
    return into.checksumStart !== 0;
  }

  /** The frame was finished in place: from now on it leaves nothing. */
  finished(position: number): void {
    const index = this.#indexOf(position);
    if (index >= 0) this.#fields[index * FIELDS] = 0;
  }

  #indexOf(position: number): number {
    const positions = this.#positions;
    const next = this.#cursor;
    if (next < this.#count && positions[next] === position) {
      this.#cursor = next + 1;
      return next;
    }
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (positions[middle]! < position) low = middle + 1;
      else high = middle;
    }
    if (low === this.#count || positions[low] !== position) return -1;
    this.#cursor = low + 1;
    return low;
  }

  #grow(): void {
    const positions = new Int32Array(this.#positions.length * 2);
    positions.set(this.#positions);
    this.#positions = positions;
    const fields = new Int32Array(this.#fields.length * 2);
    fields.set(this.#fields);
    this.#fields = fields;
  }
}

export function emptyOffload(): Offload {
  return { checksumStart: 0, checksumOffset: 0, gsoSize: 0, gsoType: 0, headerBytes: 0 };
}
