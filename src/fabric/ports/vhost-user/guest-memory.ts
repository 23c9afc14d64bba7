/**
 * The memory of a guest, as its QEMU shares it: pieces of the guest's physical address space, each at an address of
 * QEMU's own too. Pure: where the pieces come from is not its matter.
 *
 * Every address that is looked up here comes from the guest. `find` gives the piece that holds it, or nothing, and
 * whoever reads or writes stays within that piece.
 */
export interface MemoryPiece {
  /** Guest physical address of its first byte. */
  readonly guestAddress: number;
  /** Address of its first byte in QEMU, by which rings are named. */
  readonly userAddress: number;
  readonly bytes: Uint8Array;
}

export class GuestMemory {
  readonly #pieces: readonly MemoryPiece[];
  /** Neighbouring lookups mostly meet the same piece. */
  #last: MemoryPiece | undefined;

  constructor(pieces: readonly MemoryPiece[]) {
    this.#pieces = pieces;
  }

  /** The piece that holds the byte at a guest address. */
  find(guestAddress: number): MemoryPiece | undefined {
    const last = this.#last;
    if (last !== undefined && holds(last, guestAddress - last.guestAddress)) return last;
    for (const piece of this.#pieces) {
      if (!holds(piece, guestAddress - piece.guestAddress)) continue;
      this.#last = piece;
      return piece;
    }
    return undefined;
  }

  /**
   * The bytes of a ring, which lie in one piece, at a multiple of `alignmentBytes`.
   * @returns `undefined` when they do not.
   */
  ringBytes(userAddress: number, byteCount: number, alignmentBytes: number): Uint8Array | undefined {
    for (const { userAddress: start, bytes } of this.#pieces) {
      const offset = userAddress - start;
      if (offset < 0 || offset + byteCount > bytes.length) continue;
      if ((bytes.byteOffset + offset) % alignmentBytes !== 0) return undefined;
      return bytes.subarray(offset, offset + byteCount);
    }
    return undefined;
  }
}

function holds({ bytes }: MemoryPiece, offset: number): boolean {
  return offset >= 0 && offset < bytes.length;
}
