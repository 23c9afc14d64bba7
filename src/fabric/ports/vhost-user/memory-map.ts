/** Maps what QEMU shares of a guest's memory into the fabric. */
import { fstatSync } from 'node:fs';
import type { Libc } from '../../native/libc.js';
import type { MemoryPiece } from './guest-memory.js';
import type { MemoryRegion } from './message.js';

const PROT_READ_WRITE = 3;
const MAP_SHARED_NORESERVE = 0x01 | 0x4000;
/** A view of memory is at most 4 GB long in V8: longer regions become several pieces. */
const MAX_PIECE_BYTES = 2 ** 30;

export class MemoryMap {
  readonly pieces: readonly MemoryPiece[];
  readonly #libc: Libc;
  readonly #mappings: { readonly address: number; readonly byteCount: number }[] = [];

  /**
   * Maps each region from the descriptor at its place.
   * @throws Error when one is not as long as it is said to be: to touch what a file lacks ends the process.
   */
  constructor(libc: Libc, regions: readonly MemoryRegion[], fds: readonly number[]) {
    this.#libc = libc;
    const pieces: MemoryPiece[] = [];
    try {
      for (const [index, region] of regions.entries()) pieces.push(...this.#map(region, fds[index] ?? -1));
    } catch (error) {
      this.unmap();
      throw error;
    }
    this.pieces = pieces;
  }

  /** The pieces must not be touched from now on. */
  unmap(): void {
    for (const { address, byteCount } of this.#mappings) this.#libc.munmap(address, byteCount);
    this.#mappings.length = 0;
  }

  #map({ guestAddress, userAddress, byteCount, fileOffset }: MemoryRegion, fd: number): MemoryPiece[] {
    if (fstatSync(fd).size < fileOffset + byteCount) throw new Error('a region is longer than its file');
    const mappedBytes = fileOffset + byteCount;
    const address = this.#libc.mmap(0, mappedBytes, PROT_READ_WRITE, MAP_SHARED_NORESERVE, fd, 0);
    if (address < 0) throw new Error(`mmap of ${mappedBytes} bytes: errno ${this.#libc.errno()}`);
    this.#mappings.push({ address, byteCount: mappedBytes });
    const pieces: MemoryPiece[] = [];
    for (let offset = 0; offset < byteCount; offset += MAX_PIECE_BYTES) {
      const pieceBytes = Math.min(MAX_PIECE_BYTES, byteCount - offset);
      pieces.push({
        guestAddress: guestAddress + offset,
        userAddress: userAddress + offset,
        bytes: this.#libc.view(address + fileOffset + offset, pieceBytes),
      });
    }
    return pieces;
  }
}
