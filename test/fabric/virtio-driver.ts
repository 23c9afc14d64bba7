/** The driver's side of a split virtqueue (virtio 1.2, 2.7), in a piece of memory with guard bytes around it. */
import { GuestMemory } from '../../src/fabric/ports/vhost-user/guest-memory.js';
import { type RingAddresses, Virtqueue } from '../../src/fabric/ports/vhost-user/virtqueue.js';

/** Where the guest's memory begins, for the guest and for its QEMU. */
export const GUEST_BASE = 0x10_0000;
export const USER_BASE = 0x7f00_0000_0000;
export const GUARD_BYTE = 0xee;
const GUARD_BYTES = 4096;
const MEMORY_BYTES = 1 << 20;

export interface Descriptor {
  readonly address: number | bigint;
  readonly byteCount: number;
  readonly flags: number;
  readonly next: number;
}

export class VirtioDriver {
  readonly memory: GuestMemory;
  readonly bytes: Buffer;
  readonly size: number;
  readonly addresses: RingAddresses;
  readonly #whole = Buffer.alloc(MEMORY_BYTES + 2 * GUARD_BYTES, GUARD_BYTE);
  readonly #availableAt: number;
  readonly #usedAt: number;
  #heap: number;
  #available = 0;
  #used = 0;

  constructor(
    size: number,
    /** Where both indices begin. */
    readonly firstIndex = 0,
  ) {
    this.bytes = this.#whole.subarray(GUARD_BYTES, GUARD_BYTES + MEMORY_BYTES).fill(0);
    this.size = size;
    this.#availableAt = size * 16;
    this.#usedAt = (this.#availableAt + 4 + size * 2 + 3) & ~3;
    this.#heap = (this.#usedAt + 4 + size * 8 + 15) & ~15;
    this.#available = firstIndex;
    this.#used = firstIndex;
    this.bytes.writeUInt16LE(firstIndex, this.#availableAt + 2);
    this.bytes.writeUInt16LE(firstIndex, this.#usedAt + 2);
    this.memory = new GuestMemory([{ guestAddress: GUEST_BASE, userAddress: USER_BASE, bytes: this.bytes }]);
    this.addresses = {
      descriptors: USER_BASE,
      available: USER_BASE + this.#availableAt,
      used: USER_BASE + this.#usedAt,
    };
  }

  open(base = this.#available): Virtqueue {
    const queue = Virtqueue.open(this.memory, this.size, this.addresses, base);
    if (queue === undefined) throw new Error('the ring does not open');
    return queue;
  }

  /** Whether nothing was written around the guest's memory. */
  get isGuarded(): boolean {
    const before = this.#whole.subarray(0, GUARD_BYTES);
    const behind = this.#whole.subarray(GUARD_BYTES + MEMORY_BYTES);
    return [before, behind].every((guard) => guard.every((byte) => byte === GUARD_BYTE));
  }

  /** Room in the guest's memory. @returns its guest address. */
  allocate(byteCount: number): number {
    const at = this.#heap;
    this.#heap += byteCount;
    if (this.#heap > MEMORY_BYTES) throw new Error('the guest is out of memory');
    return GUEST_BASE + at;
  }

  at(guestAddress: number, byteCount: number): Buffer {
    const offset = guestAddress - GUEST_BASE;
    return this.bytes.subarray(offset, offset + byteCount);
  }

  describe(index: number, descriptor: Descriptor): void {
    this.describeAt(index * 16, descriptor);
  }

  describeAt(offset: number, { address, byteCount, flags, next }: Descriptor): void {
    this.bytes.writeBigUInt64LE(BigInt(address), offset);
    this.bytes.writeUInt32LE(byteCount, offset + 8);
    this.bytes.writeUInt16LE(flags, offset + 12);
    this.bytes.writeUInt16LE(next, offset + 14);
  }

  makeAvailable(head: number): void {
    this.bytes.writeUInt16LE(head, this.#availableAt + 4 + (this.#available & (this.size - 1)) * 2);
    this.#available = (this.#available + 1) & 0xffff;
    this.bytes.writeUInt16LE(this.#available, this.#availableAt + 2);
  }

  /** What the device gave back since it was last asked. */
  takeUsed(): { head: number; byteCount: number }[] {
    const end = this.bytes.readUInt16LE(this.#usedAt + 2);
    const taken: { head: number; byteCount: number }[] = [];
    for (; this.#used !== end; this.#used = (this.#used + 1) & 0xffff) {
      const at = this.#usedAt + 4 + (this.#used & (this.size - 1)) * 8;
      taken.push({ head: this.bytes.readUInt32LE(at), byteCount: this.bytes.readUInt32LE(at + 4) });
    }
    return taken;
  }
}
