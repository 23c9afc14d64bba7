/**
 * Frames out of and into the memory of a guest: what a network device does with its two rings (virtio 1.2, 5.1.6). Pure.
 *
 * A frame is copied before anybody looks at it, for the guest can write to its memory at any time: what the guards check
 * is what travels on.
 */
import {
  VIRTIO_NET_HEADER_BYTES,
  VirtioNetField,
  writeVirtioNetHeader,
  type Offload,
} from '../../../wire/virtio-net-header.js';
import type { FrameIntake } from '../frame-intake.js';
import { MAX_FRAME_BYTES } from '../port.js';
import { ChainCursor } from './chain-cursor.js';
import type { GuestMemory } from './guest-memory.js';
import type { Virtqueue } from './virtqueue.js';

/** Frames of one poll: no guest starves another port. */
const MAX_FRAMES = 256;

/** Takes what the guest sends. */
export class FramesFromGuest {
  readonly #queue: Virtqueue;
  readonly #cursor: ChainCursor;
  readonly #headerBytes: number;
  readonly #header = Buffer.alloc(VIRTIO_NET_HEADER_BYTES);

  constructor(memory: GuestMemory, queue: Virtqueue, headerBytes: number) {
    this.#queue = queue;
    this.#cursor = new ChainCursor(memory, queue);
    this.#headerBytes = headerBytes;
  }

  /**
   * Moves frames into the intake, as many as it has room for, and gives their chains back.
   * @param onMalformed a chain that holds no frame, or one that is too long.
   */
  take(intake: FrameIntake, onMalformed: () => void): number {
    const queue = this.#queue;
    let count = 0;
    while (count < MAX_FRAMES && intake.hasRoom) {
      const head = queue.next();
      if (head < 0) break;
      count += 1;
      if (!this.#takeFrame(intake)) onMalformed();
      queue.use(head, 0);
    }
    return count;
  }

  #takeFrame(intake: FrameIntake): boolean {
    const cursor = this.#cursor;
    cursor.rewind();
    if (cursor.read(this.#header, 0, this.#headerBytes) !== this.#headerBytes) return false;
    const { bytes, frameAt } = intake;
    const frameBytes = cursor.read(bytes, frameAt, MAX_FRAME_BYTES);
    if (frameBytes <= 0) return false;
    // One byte more, and it was no frame.
    if (frameBytes === MAX_FRAME_BYTES && cursor.read(this.#header, 0, 1) !== 0) return false;
    intake.take(frameBytes, this.#header, 0);
    return true;
  }
}

/** Gives the guest what it is sent. */
export class FramesToGuest {
  readonly #memory: GuestMemory;
  readonly #queue: Virtqueue;
  readonly #cursor: ChainCursor;
  readonly #headerBytes: number;
  readonly #merges: boolean;
  readonly #header = Buffer.alloc(VIRTIO_NET_HEADER_BYTES);
  readonly #heads: number[] = [];
  readonly #counts: number[] = [];

  constructor(memory: GuestMemory, queue: Virtqueue, headerBytes: number, merges: boolean) {
    this.#memory = memory;
    this.#queue = queue;
    this.#cursor = new ChainCursor(memory, queue);
    this.#headerBytes = headerBytes;
    this.#merges = merges;
  }

  /**
   * Writes the frame `bytes` [start, end) behind a header that says what it leaves to the guest.
   * @returns false when the guest has too few buffers now: nothing was taken then. A buffer that is not in its memory
   * leaves a hole in the guest's frame, which is the guest's loss.
   */
  put(bytes: Uint8Array, start: number, end: number, offload: Offload | undefined): boolean {
    const queue = this.#queue;
    writeVirtioNetHeader(this.#header, 0, offload);
    let chains = 0;
    let from = start;
    let countAddress = 0;
    while (from < end || chains === 0) {
      const head = queue.next();
      if (head < 0) {
        queue.putBack(chains);
        return false;
      }
      this.#cursor.rewind();
      let written = 0;
      if (chains === 0) {
        countAddress = queue.buffers[0]!.address + VirtioNetField.bufferCount;
        written = Math.max(0, this.#cursor.write(this.#header, 0, this.#headerBytes));
      }
      const part = this.#cursor.write(bytes, from, end);
      this.#heads[chains] = head;
      this.#counts[chains] = written + Math.max(part, 0);
      chains += 1;
      // What leaves the guest's memory, and what does not fit the only buffer, is lost.
      if (part < 0 || (part < end - from && (part === 0 || !this.#merges))) break;
      from += part;
    }
    if (chains > 1) this.#writeBufferCount(countAddress, chains);
    for (let index = 0; index < chains; index++) queue.use(this.#heads[index]!, this.#counts[index]!);
    return true;
  }

  /** It stands in the first buffer, whose number was not known when that was written. */
  #writeBufferCount(address: number, count: number): void {
    for (const [offset, byte] of [count & 0xff, count >>> 8].entries()) {
      const piece = this.#memory.find(address + offset);
      if (piece !== undefined) piece.bytes[address + offset - piece.guestAddress] = byte;
    }
  }
}
