/**
 * Memory that WebAssembly reaches, for the buffers that payload passes through.
 *
 * Theory of operation. WebAssembly reads and writes its own memory only; what is to be summed or copied by `simd.ts`
 * without a copy before that must lie in it. `takeBlock` hands out parts of one memory of fixed size, and `giveBlock` takes
 * them back for the next who asks for the same size; there are few sizes. The memory is reserved whole, and resident where
 * it was once touched. When it is used up, blocks come from the heap: everything works on, slower.
 */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** A guest's port takes 324 KiB, a TCP flow 32 KiB to 1 MiB. */
const MEMORY_BYTES = 1 << 27;
const PAGE_BYTES = 1 << 16;
/** The longest range that is summed where it does not lie in this memory. */
export const SCRATCH_BYTES = 1 << 17;
const ALIGNMENT_BYTES = 64;

/** What `simd.ts` imports. */
export const memory = new WebAssembly.Memory({
  initial: MEMORY_BYTES / PAGE_BYTES,
  maximum: MEMORY_BYTES / PAGE_BYTES,
});
/** The buffer of every block that is not from the heap. */
export const memoryBuffer = memory.buffer;
/** At address 0. */
export const scratch = new Uint8Array(memoryBuffer, 0, SCRATCH_BYTES);

const freeBlocks = new Map<number, Buffer[]>();
let usedBytes = SCRATCH_BYTES;

/** A block of its own, with whatever bytes were in it. */
export function takeBlock(sizeBytes: number): Buffer {
  const free = freeBlocks.get(sizeBytes)?.pop();
  if (free !== undefined) return free;
  if (usedBytes + sizeBytes > MEMORY_BYTES) return Buffer.allocUnsafeSlow(sizeBytes);
  const block = Buffer.from(memoryBuffer, usedBytes, sizeBytes);
  usedBytes += Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  return block;
}

/** Takes a block back that nobody uses any more, given once: the very object that `takeBlock` returned. */
export function giveBlock(block: Buffer): void {
  if (block.buffer !== memoryBuffer) return;
  const free = freeBlocks.get(block.length);
  if (free === undefined) freeBlocks.set(block.length, [block]);
  else free.push(block);
}
