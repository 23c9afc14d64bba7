/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * Theory of operation: a *partial sum* is a non-negative integer below 2^32 whose 16-bit ones-complement folding is the sum of the
 * big-endian words seen so far; partial sums may be added and passed on as `initial`. Ones-complement addition
 * does not care for byte order (RFC 1071 section 2), so long ranges are summed as native 32-bit words, the longest by SIMD,
 * and swapped once at the end; that is at least four times as fast as bytes in V8. Ranges stay below 128 KiB, so no 32-bit
 * lane overflows.
 */
import { copyAndSumLittleEndianWords, isReached, sumLittleEndianWords } from './simd.js';

/** Below this many bytes the set-up of the word loop costs more than it gains. */
const WORD_LOOP_MIN_BYTES = 96;

/** From this many bytes on copying to where SIMD reaches pays off; what lies there already takes no loop of ours. */
const SIMD_MIN_BYTES = 512;

/** Largest range in one call: 2^15 words of 2^16 - 1 stay below 2^31. */
const MAX_BLOCK_BYTES = 131_064;

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const wordViews = new WeakMap<ArrayBufferLike, Uint32Array>();
let lastBuffer: ArrayBufferLike | undefined;
let lastWords = new Uint32Array(0);

function wordsOf(buffer: ArrayBufferLike): Uint32Array {
  if (buffer === lastBuffer) return lastWords;
  let words = wordViews.get(buffer);
  if (words === undefined) {
    words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    wordViews.set(buffer, words);
  }
  lastBuffer = buffer;
  lastWords = words as Uint32Array<ArrayBuffer>;
  return words;
}

/** Folds a partial sum to 16 bits. */
export function foldSum(partialSum: number): number {
  let sum = (partialSum & 0xffff) + (partialSum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/**
 * Partial sum of bytes [start, end), as if padded with a zero byte when odd, added to `initial`.
 * @param initial a partial sum; folded, so sums may be chained without limit.
 */
export function partialSum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = foldSum(initial);
  let position = start;
  while (end - position > MAX_BLOCK_BYTES) {
    sum = foldSum(sum + sumBlock(bytes, position, position + MAX_BLOCK_BYTES));
    position += MAX_BLOCK_BYTES;
  }
  return sum + sumBlock(bytes, position, end);
}

function sumBlock(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < WORD_LOOP_MIN_BYTES) return sumBytes(bytes, start, end);
  if (length < SIMD_MIN_BYTES && !isReached(bytes)) return sumWords(bytes, start, end);
  return swap16(foldSum(sumLittleEndianWords(bytes, start, end)));
}

function sumBytes(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  let position = start;
  for (; position + 1 < end; position += 2) sum += (bytes[position]! << 8) | bytes[position + 1]!;
  if (position < end) sum += bytes[position]! << 8;
  return sum;
}

function sumWords(bytes: Uint8Array, start: number, end: number): number {
  const misalignment = (4 - ((bytes.byteOffset + start) & 3)) & 3;
  const bodyStart = start + misalignment;
  const bodyEnd = bodyStart + ((end - bodyStart) & ~3);
  const words = wordsOf(bytes.buffer);
  let index = (bytes.byteOffset + bodyStart) >>> 2;
  const last = (bytes.byteOffset + bodyEnd) >>> 2;
  let low = 0;
  let high = 0;
  for (const unrolledEnd = last - 3; index < unrolledEnd; index += 4) {
    const a = words[index]!;
    const b = words[index + 1]!;
    const c = words[index + 2]!;
    const d = words[index + 3]!;
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
  }
  for (; index < last; index++) {
    const word = words[index]!;
    low += word & 0xffff;
    high += word >>> 16;
  }
  let body = foldSum(foldSum(low) + foldSum(high));
  if (littleEndian) body = swap16(body);
  const tail = sumBytes(bytes, bodyEnd, end);
  // After an odd number of leading bytes every later byte sits in the other half of its word.
  if ((misalignment & 1) === 0) return sumBytes(bytes, start, bodyStart) + body + tail;
  return sumBytes(bytes, start, bodyStart) + swap16(foldSum(body + tail));
}

function swap16(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8);
}

/** Copies bytes [start, end) to another buffer, or without overlap in the same. @returns their partial sum. */
export function copyWithSum(
  target: Buffer,
  targetOffset: number,
  source: Buffer,
  start: number,
  end: number,
): number {
  if (isReached(target) && isReached(source) && end - start <= MAX_BLOCK_BYTES) {
    return swap16(foldSum(copyAndSumLittleEndianWords(target, targetOffset, source, start, end)));
  }
  source.copy(target, targetOffset, start, end);
  return partialSum(target, targetOffset, targetOffset + end - start);
}

/** The checksum field of bytes [start, end) whose own field is zero; 0 when the field is in place and right. */
export function checksum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  return ~foldSum(partialSum(bytes, start, end, initial)) & 0xffff;
}

/** Partial sum of the IPv4 pseudo-header (RFC 9293 section 3.1). Addresses are u32. */
export function pseudoHeaderSumIpv4(
  source: number,
  destination: number,
  protocol: number,
  lengthBytes: number,
): number {
  return (
    (source >>> 16) +
    (source & 0xffff) +
    (destination >>> 16) +
    (destination & 0xffff) +
    protocol +
    lengthBytes
  );
}

/**
 * Partial sum of the IPv6 pseudo-header (RFC 8200 section 8.1).
 * @param headerOffset where the IPv6 header stands in `bytes`; its addresses are read from there.
 */
export function pseudoHeaderSumIpv6(
  bytes: Uint8Array,
  headerOffset: number,
  protocol: number,
  lengthBytes: number,
): number {
  return sumBytes(bytes, headerOffset + 8, headerOffset + 40) + protocol + foldSum(lengthBytes);
}

/** The checksum after one 16-bit word under it changed (RFC 1624 equation 3). */
export function updateChecksum(old: number, oldWord: number, newWord: number): number {
  return ~foldSum((~old & 0xffff) + (~oldWord & 0xffff) + newWord) & 0xffff;
}
