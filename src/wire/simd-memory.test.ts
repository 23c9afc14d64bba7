import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyWithSum, foldSum, partialSum } from './checksum.js';
import { copyBytes, isReached } from './simd.js';
import { giveBlock, takeBlock } from './simd-memory.js';

describe('blocks', () => {
  it('are disjoint, and used again once given back', () => {
    const blocks = [1000, 64, 1000, 65_536].map((sizeBytes) => takeBlock(sizeBytes));
    for (const [index, block] of blocks.entries()) block.fill(index + 1);
    for (const [index, block] of blocks.entries())
      expect(block.every((byte) => byte === index + 1)).toBe(true);
    giveBlock(blocks[0]!);
    expect(takeBlock(1000)).toBe(blocks[0]);
    for (const block of blocks) giveBlock(block);
  });

  it('come from the heap once the memory is used up', () => {
    const sizeBytes = 1 << 23;
    const blocks = Array.from({ length: 32 }, () => takeBlock(sizeBytes));
    expect(blocks.map((block) => block.length)).toEqual(blocks.map(() => sizeBytes));
    expect(isReached(blocks[0]!)).toBe(true);
    expect(isReached(blocks.at(-1)!)).toBe(false);
    for (const block of blocks) giveBlock(block);
    expect(isReached(takeBlock(sizeBytes))).toBe(true);
  });
});

describe('copies', () => {
  const place = fc.record({ block: fc.boolean(), offset: fc.nat(40) });
  const sizeBytes = 4096;
  const buffers = { source: takeBlock(sizeBytes), target: takeBlock(sizeBytes) };

  it('are exact, stay in their range and give the sum of what they copied, wherever source and target lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), place, place, fc.boolean(), (bytes, from, to, sums) => {
        const source = from.block ? buffers.source : Buffer.alloc(sizeBytes);
        const target = to.block ? buffers.target : Buffer.alloc(sizeBytes);
        const end = from.offset + bytes.length;
        source.set(bytes, from.offset);
        target.fill(0xaa);
        if (sums) {
          const sum = copyWithSum(target, to.offset, source, from.offset, end);
          expect(foldSum(sum)).toBe(foldSum(partialSum(bytes, 0, bytes.length)));
        } else copyBytes(target, to.offset, source, from.offset, end);
        const expected = Buffer.alloc(sizeBytes, 0xaa);
        expected.set(bytes, to.offset);
        expect(target.equals(expected)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
