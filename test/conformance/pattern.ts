import { createHash } from 'node:crypto';

/** Bytes that look random and are the same each time: an xorshift generator (Marsaglia, 2003). */
export function* patternBytes(totalBytes: number, chunkBytes = 64 * 1024): Generator<Buffer, void> {
  let state = 0x2545f491;
  for (let sent = 0; sent < totalBytes; ) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, totalBytes - sent));
    for (let index = 0; index + 4 <= chunk.length; index += 4) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      chunk.writeInt32LE(state, index);
    }
    chunk.fill(0x5a, chunk.length & ~3);
    sent += chunk.length;
    yield chunk;
  }
}

/** MD5 in hex, as md5sum prints it. */
export function patternDigest(totalBytes: number): string {
  const hash = createHash('md5');
  for (const chunk of patternBytes(totalBytes)) hash.update(chunk);
  return hash.digest('hex');
}
