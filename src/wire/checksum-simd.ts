/**
 * Sums of 16-bit words by SIMD, for long ranges.
 *
 * WebAssembly reaches only its own memory, so the range is copied there first; copy and sum together still take a half
 * (1460 bytes) to a quarter (64 KiB) of the time of the word loop in V8. The module below is, in text form:
 *
 *   (module (memory (import "m" "m") 0)
 *     (func (export "s") (param $p i32) (param $n i32) (result i32) (local $end i32) (local $sum i32) (local $a v128) (local $b v128)
 *       $end = $p + ($n & -32)
 *       while $p < $end { $a += i32x4.extadd_pairwise_i16x8_u(load $p); $b += the same (load $p + 16); $p += 32 }
 *       $sum = both halves of the 8 lanes of $a and $b
 *       $end = $p + ($n & 30)
 *       while $p < $end { $sum += i32.load16_u $p; $p += 2 }
 *       if $n & 1 { $sum += i32.load8_u $p }
 *       $sum))
 *
 * A lane takes two words of each 32 bytes, so 128 KiB cannot overflow it.
 */
const MODULE =
  'AGFzbQEAAAABBwFgAn9/AX8CCAEBbQFtAgAAAwIBAAcFAQFzAAAKpgIBowICAn8CeyAAIAFBYHFqIQICQANAIAAgAk8NASAEIAD9AAAA/X/9rgEhBC' +
  'AFIAD9AAAQ/X/9rgEhBSAAQSBqIQAMAAsLIAT9GwBBEHYgBP0bAEH//wNxaiAE/RsBQRB2IAT9GwFB//8DcWpqIAT9GwJBEHYgBP0bAkH//wNxamogBP' +
  '0bA0EQdiAE/RsDQf//A3FqaiAF/RsAQRB2IAX9GwBB//8DcWpqIAX9GwFBEHYgBf0bAUH//wNxamogBf0bAkEQdiAF/RsCQf//A3FqaiAF/RsDQRB2IA' +
  'X9GwNB//8DcWpqIQMgACABQR5xaiECAkADQCAAIAJPDQEgAyAALwAAaiEDIABBAmohAAwACwsgAUEBcQRAIAMgAC0AAGohAwsgAws=';

/** What is used of WebAssembly, which the types of Node 20 leave to the DOM. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** Largest range in one call. */
export const MAX_SIMD_BYTES = 1 << 17;
const PAGE_BYTES = 1 << 16;

const memory = new WebAssembly.Memory({
  initial: MAX_SIMD_BYTES / PAGE_BYTES,
  maximum: MAX_SIMD_BYTES / PAGE_BYTES,
});
const scratch = new Uint8Array(memory.buffer);

interface Exports {
  readonly s: (offset: number, bytes: number) => number;
}

const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(MODULE, 'base64')), {
  m: { m: memory },
});
const sum = (instance.exports as Exports).s;

/** Sum of the little-endian words of bytes [start, end), as if padded with a zero byte when odd; below 2^32. */
export function sumLittleEndianWords(bytes: Uint8Array, start: number, end: number): number {
  scratch.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start));
  return sum(0, end - start) >>> 0;
}
