/**
 * The device's side of one split virtqueue (virtio 1.2, section 2.7).
 *
 * Theory of operation. The driver puts heads of descriptor chains into the available ring; `next` takes one and lists
 * its buffers, `use` gives it back, `publish` shows the driver all that were given back since. All of it lies in memory
 * that the guest writes at any time: each field is read once, then checked, then used. A chain that leaves the guest's
 * memory, runs in a circle or lies about its length breaks the queue: it is not touched again until it is set up anew.
 * Bounds: a chain has at most as many descriptors as the queue, an indirect table as many as `MAX_INDIRECT`.
 */
import type { GuestMemory } from './guest-memory.js';

export const MAX_QUEUE_SIZE = 32_768;
const MAX_INDIRECT = 1024;
const DESCRIPTOR_BYTES = 16;
const FLAG_NEXT = 1;
const FLAG_WRITE = 2;
const FLAG_INDIRECT = 4;
/** In the used ring: no kicks, please. In the available ring: no calls, please. */
const NO_NOTIFY = 1;
/** Guest addresses have to be exact numbers; no machine has a petabyte of them. */
const MAX_ADDRESS_HIGH = 1 << 20;

/** User addresses of the three parts. */
export interface RingAddresses {
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
}

/** One buffer of a chain. */
export interface ChainBuffer {
  address: number;
  byteCount: number;
  isWritable: boolean;
}

export class Virtqueue {
  readonly size: number;
  readonly #memory: GuestMemory;
  readonly #descriptors: DataView;
  readonly #available: Uint16Array;
  readonly #used: Uint16Array;
  readonly #usedElements: DataView;
  /** Buffers of the chain that was taken last; valid until the next is. */
  readonly buffers: ChainBuffer[] = [];
  bufferCount = 0;
  #nextAvailable: number;
  #nextUsed: number;
  #published: number;
  #isBroken = false;

  private constructor(
    memory: GuestMemory,
    size: number,
    parts: { descriptors: Uint8Array; available: Uint8Array; used: Uint8Array },
    base: number,
  ) {
    const { descriptors, available, used } = parts;
    this.size = size;
    this.#memory = memory;
    this.#descriptors = viewOf(descriptors);
    this.#available = wordsOf(available);
    this.#used = wordsOf(used);
    this.#usedElements = viewOf(used);
    this.#nextAvailable = base;
    // Chains are given back in their order, so what is not yet used is what is not yet taken.
    this.#nextUsed = this.#used[1]!;
    this.#published = this.#nextUsed;
  }

  /**
   * @param base index of the first chain to take (SET_VRING_BASE).
   * @returns `undefined` when the parts do not lie in the guest's memory.
   */
  static open(
    memory: GuestMemory,
    size: number,
    addresses: RingAddresses,
    base: number,
  ): Virtqueue | undefined {
    if (size < 1 || size > MAX_QUEUE_SIZE || (size & (size - 1)) !== 0) return undefined;
    const descriptors = memory.ringBytes(addresses.descriptors, size * DESCRIPTOR_BYTES, 16);
    const available = memory.ringBytes(addresses.available, 4 + size * 2, 2);
    const used = memory.ringBytes(addresses.used, 4 + size * 8, 4);
    if (descriptors === undefined || available === undefined || used === undefined) return undefined;
    return new Virtqueue(memory, size, { descriptors, available, used }, base & 0xffff);
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Index of the chain that is taken next (GET_VRING_BASE). */
  get nextAvailable(): number {
    return this.#nextAvailable;
  }

  /** How many chains wait. */
  get waiting(): number {
    if (this.#isBroken) return 0;
    const count = (Atomics.load(this.#available, 1) - this.#nextAvailable) & 0xffff;
    if (count <= this.size) return count;
    this.#isBroken = true;
    return 0;
  }

  /** Takes the next chain. @returns its head for `use`; -1 when there is none. */
  next(): number {
    if (this.waiting === 0) return -1;
    const head = this.#available[2 + (this.#nextAvailable & (this.size - 1))]!;
    this.bufferCount = 0;
    if (!this.#list(head)) {
      this.#isBroken = true;
      return -1;
    }
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    return head;
  }

  /** Puts back the chains that were taken last and not used. */
  putBack(count: number): void {
    this.#nextAvailable = (this.#nextAvailable - count) & 0xffff;
  }

  /** @param byteCount how much was written into the chain. */
  use(head: number, byteCount: number): void {
    const at = 4 + (this.#nextUsed & (this.size - 1)) * 8;
    this.#usedElements.setUint32(at, head, true);
    this.#usedElements.setUint32(at + 4, byteCount, true);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
  }

  /** Shows the driver what was used. @returns whether it wants to be called. */
  publish(): boolean {
    if (this.#published === this.#nextUsed) return false;
    Atomics.store(this.#used, 1, this.#nextUsed);
    this.#published = this.#nextUsed;
    return (Atomics.load(this.#available, 0) & NO_NOTIFY) === 0;
  }

  /** Whether the driver is to kick when it makes a chain available. */
  set wantsKicks(wanted: boolean) {
    Atomics.store(this.#used, 0, wanted ? 0 : NO_NOTIFY);
  }

  #list(head: number): boolean {
    let table = this.#descriptors;
    let limit = this.size;
    let index = head;
    for (let walked = 0; walked < limit; walked++) {
      if (index >= limit) return false;
      const at = index * DESCRIPTOR_BYTES;
      const high = table.getUint32(at + 4, true);
      const flags = table.getUint16(at + 12, true);
      const next = table.getUint16(at + 14, true);
      const byteCount = table.getUint32(at + 8, true);
      if (high >= MAX_ADDRESS_HIGH) return false;
      const address = high * 0x1_0000_0000 + table.getUint32(at, true);
      if ((flags & FLAG_INDIRECT) !== 0) {
        // A table inside a table, or behind other descriptors with one, is forbidden (2.7.5.3.1).
        const inner = table === this.#descriptors ? this.#indirectTable(address, byteCount) : undefined;
        if (inner === undefined || (flags & FLAG_NEXT) !== 0) return false;
        table = inner;
        limit = byteCount / DESCRIPTOR_BYTES;
        index = 0;
        walked = -1;
        continue;
      }
      this.#add(address, byteCount, (flags & FLAG_WRITE) !== 0);
      if ((flags & FLAG_NEXT) === 0) return true;
      index = next;
    }
    return false;
  }

  #indirectTable(address: number, byteCount: number): DataView | undefined {
    const count = byteCount / DESCRIPTOR_BYTES;
    if (!Number.isInteger(count) || count < 1 || count > MAX_INDIRECT) return undefined;
    const piece = this.#memory.find(address);
    if (piece === undefined) return undefined;
    const offset = address - piece.guestAddress;
    if (offset + byteCount > piece.bytes.length) return undefined;
    return new DataView(piece.bytes.buffer, piece.bytes.byteOffset + offset, byteCount);
  }

  #add(address: number, byteCount: number, isWritable: boolean): void {
    const buffer = this.buffers[this.bufferCount];
    if (buffer === undefined) this.buffers.push({ address, byteCount, isWritable });
    else {
      buffer.address = address;
      buffer.byteCount = byteCount;
      buffer.isWritable = isWritable;
    }
    this.bufferCount += 1;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function wordsOf(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 1);
}
