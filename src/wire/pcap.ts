/**
 * Reading the classic libpcap stream (pcap-savefile(5)): a header of 24 bytes that says in which byte order and in which
 * fractions of a second the rest is, then for each frame 16 bytes and what was kept of it.
 */

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Largest frame that libpcap keeps (MAXIMUM_SNAPLEN). */
export const MAX_CAPTURED_BYTES = 262_144;

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;

export interface CapturedFrame {
  /** Milliseconds since the epoch, with fractions. */
  readonly capturedAtMs: number;
  /** What was kept of the frame: its beginning. */
  readonly bytes: Buffer;
}

/** The stream is no libpcap stream. */
export class PcapStreamError extends Error {
  override readonly name = 'PcapStreamError';
}

/** Cuts a stream into frames. Holds at most one frame. */
export class PcapReader {
  #rest: Buffer = Buffer.alloc(0);
  #format: { readonly isLittleEndian: boolean; readonly perMillisecond: number } | undefined;

  /**
   * Takes the next chunk, of any size.
   * @returns the frames that end in it, each with memory of its own.
   * @throws PcapStreamError
   */
  push(chunk: Buffer): CapturedFrame[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#format === undefined && bytes.length >= FILE_HEADER_BYTES) {
      this.#format = formatOf(bytes);
      bytes = bytes.subarray(FILE_HEADER_BYTES);
    }
    const frames: CapturedFrame[] = [];
    const format = this.#format;
    if (format !== undefined) {
      const word = (at: number): number =>
        format.isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
      while (bytes.length >= RECORD_HEADER_BYTES) {
        const keptBytes = word(8);
        if (keptBytes > MAX_CAPTURED_BYTES)
          throw new PcapStreamError(`a frame of ${keptBytes} bytes was captured`);
        const end = RECORD_HEADER_BYTES + keptBytes;
        if (bytes.length < end) break;
        frames.push({
          capturedAtMs: word(0) * 1000 + word(4) / format.perMillisecond,
          bytes: Buffer.from(bytes.subarray(RECORD_HEADER_BYTES, end)),
        });
        bytes = bytes.subarray(end);
      }
    }
    this.#rest = Buffer.from(bytes);
    return frames;
  }
}

function formatOf(header: Buffer): { isLittleEndian: boolean; perMillisecond: number } {
  for (const isLittleEndian of [true, false]) {
    const magic = isLittleEndian ? header.readUInt32LE(0) : header.readUInt32BE(0);
    if (magic === MICROSECONDS) return { isLittleEndian, perMillisecond: 1000 };
    if (magic === NANOSECONDS) return { isLittleEndian, perMillisecond: 1_000_000 };
  }
  throw new PcapStreamError('what was captured is no libpcap stream');
}
