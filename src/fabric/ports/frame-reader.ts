/**
 * From the bytes of a stream to batches of whole frames, without copying them.
 *
 * Theory of operation. A read goes into the same buffer each time, behind a headroom as long as the longest frame. The
 * whole frames are handed on where they lie; the start of a frame that is cut off at the end of the read is moved to the
 * end of the headroom, so that the next read continues it and every frame is contiguous. When somebody retained the
 * buffer, another is taken, and it is the next to be taken once all have released it. A length that no frame can have means that the stream cannot be followed any more.
 */
import { copyBytes } from '../../wire/simd.js';
import { giveBlock, takeBlock } from '../../wire/simd-memory.js';
import { FRAME_HEADER_BYTES, type FrameBatch, MAX_FRAME_BYTES, MIN_FRAME_BYTES } from './port.js';

/** Large enough for all that a unix socket holds at once (net.core.wmem_default, 208 KB). */
export const READ_BYTES = 256 * 1024;
const HEADROOM_BYTES = FRAME_HEADER_BYTES + MAX_FRAME_BYTES;
/** An 802.1Q tag makes a frame longer without making its packet longer. */
const VLAN_TAG_BYTES = 4;
const VLAN_ETHER_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);

export interface FrameReceiver {
  /** Bytes [start, end) of the batch are `frameCount` whole frames, framing included. */
  onFrames(batch: FrameBatch, start: number, end: number, frameCount: number): void;
  /** A frame longer than the network's MTU allows was left out. */
  onOversized(): void;
}

class ReadBuffer implements FrameBatch {
  #holders = 0;
  readonly bytes = takeBlock(HEADROOM_BYTES + READ_BYTES);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  /** What a read fills. */
  readonly area = this.bytes.subarray(HEADROOM_BYTES);

  /** Who can take it back once nobody needs it. */
  constructor(private readonly onFree: (buffer: ReadBuffer) => void) {}

  get retained(): boolean {
    return this.#holders > 0;
  }

  /** Each port that sets it is one holder more. */
  set retained(_: boolean) {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.onFree(this);
  }
}

export class FrameReader {
  readonly #receiver: FrameReceiver;
  #maxUntaggedBytes: number;
  #spare: ReadBuffer | undefined;
  #isClosed = false;
  #buffer = this.#take();
  /** Bytes of a cut-off frame that stand at the end of the headroom. */
  #carriedBytes = 0;

  constructor(receiver: FrameReceiver, mtuBytes: number) {
    this.#receiver = receiver;
    this.#maxUntaggedBytes = mtuBytes + MIN_FRAME_BYTES;
  }

  get mtuBytes(): number {
    return this.#maxUntaggedBytes - MIN_FRAME_BYTES;
  }

  set mtuBytes(mtuBytes: number) {
    this.#maxUntaggedBytes = mtuBytes + MIN_FRAME_BYTES;
  }

  /** Where the next read goes; it may be another buffer after each `take`. */
  get area(): Uint8Array {
    return this.#buffer.area;
  }

  /** Nothing is read any more; what ports still hold is given back when they release it. */
  close(): void {
    this.#isClosed = true;
    if (!this.#buffer.retained) giveBlock(this.#buffer.bytes);
    if (this.#spare !== undefined) giveBlock(this.#spare.bytes);
    this.#spare = undefined;
  }

  /** Forgets a cut-off frame: the stream begins anew. */
  reset(): void {
    this.#carriedBytes = 0;
  }

  /**
   * `byteCount` bytes were read into `area`.
   * @returns false when the stream lies about a length; what stood before is delivered.
   */
  take(byteCount: number): boolean {
    const buffer = this.#buffer;
    const { view } = buffer;
    const end = HEADROOM_BYTES + byteCount;
    let position = HEADROOM_BYTES - this.#carriedBytes;
    let runStart = position;
    let runFrames = 0;
    let isSound = true;
    while (end - position >= FRAME_HEADER_BYTES) {
      const frameBytes = view.getUint32(position);
      if (frameBytes < MIN_FRAME_BYTES || frameBytes > MAX_FRAME_BYTES) {
        isSound = false;
        break;
      }
      const next = position + FRAME_HEADER_BYTES + frameBytes;
      if (next > end) break;
      if (frameBytes > this.#maxUntaggedBytes && !this.#fitsTagged(view, position, frameBytes)) {
        if (runFrames > 0) this.#receiver.onFrames(buffer, runStart, position, runFrames);
        this.#receiver.onOversized();
        runStart = next;
        runFrames = 0;
      } else {
        runFrames += 1;
      }
      position = next;
    }
    if (runFrames > 0) this.#receiver.onFrames(buffer, runStart, position, runFrames);
    this.#carry(buffer, position, isSound ? end : position);
    return isSound;
  }

  #fitsTagged(view: DataView, position: number, frameBytes: number): boolean {
    const etherType = view.getUint16(position + FRAME_HEADER_BYTES + 12);
    return frameBytes <= this.#maxUntaggedBytes + VLAN_TAG_BYTES && VLAN_ETHER_TYPES.has(etherType);
  }

  #carry(buffer: ReadBuffer, start: number, end: number): void {
    this.#carriedBytes = end - start;
    if (buffer.retained) {
      this.#buffer = this.#take();
      copyBytes(this.#buffer.bytes, HEADROOM_BYTES - this.#carriedBytes, buffer.bytes, start, end);
    } else if (end > start) {
      buffer.bytes.copyWithin(HEADROOM_BYTES - this.#carriedBytes, start, end);
    }
  }

  #take(): ReadBuffer {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare ?? new ReadBuffer((buffer) => this.#takeBack(buffer));
  }

  /** One is kept for the next time. */
  #takeBack(buffer: ReadBuffer): void {
    if (this.#isClosed || this.#spare !== undefined) giveBlock(buffer.bytes);
    else this.#spare = buffer;
  }
}
