/**
 * The sending half of a stream port: from ranges of batches to as few writes as possible.
 *
 * Theory of operation. `offer` notes ranges, neighbouring ones as one. At `flush`, if the socket has nothing left to
 * write and there is one range, that range is written where it lies; the kernel mostly takes it whole, otherwise the
 * batch is marked retained, for the socket still reads from it. In every other case the ranges are copied to the end of
 * the backlog, a list of pooled chunks, and chunks are written one at a time, each after the one before it is through.
 * So at most one foreign buffer is held for each port. Events: `offer`, `flush`, a write's completion. No time-outs: a
 * guest that never reads keeps its backlog, bounded by `maxQueuedBytes`, and further frames are dropped as on a full
 * switch port.
 */
import type { Socket } from 'node:net';
import { copyBytes } from '../../wire/simd.js';
import { CHUNK_BYTES, type ChunkPool } from './chunk-pool.js';
import { FRAME_HEADER_BYTES, type FrameBatch } from './port.js';

export const MAX_QUEUED_BYTES = 2 * 1024 * 1024;

/** What `offer` took. */
export interface Accepted {
  frames: number;
  /** Framing included. */
  bytes: number;
}

interface Chunk {
  readonly buffer: Buffer;
  length: number;
}

export class Transmitter {
  readonly #pool: ChunkPool;
  readonly #maxQueuedBytes: number;
  #socket: Socket | undefined;
  readonly #batches: FrameBatch[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #offeredBytes = 0;
  /** How much more may be offered before the next flush; set by the first offer after one. */
  #roomBytes = 0;
  readonly #backlog: Chunk[] = [];
  #backlogBytes = 0;
  /** The chunk that the socket reads from. */
  #inFlight: Buffer | undefined;
  /** The batch that the socket reads from. */
  #held: FrameBatch | undefined;
  readonly #accepted: Accepted = { frames: 0, bytes: 0 };
  readonly #onWritten = (): void => this.#afterWrite();

  constructor(pool: ChunkPool, maxQueuedBytes = MAX_QUEUED_BYTES) {
    this.#pool = pool;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  /** Bytes that were offered and that the kernel has not taken. */
  get queuedBytes(): number {
    return this.#offeredBytes + this.#backlogBytes + (this.#socket?.writableLength ?? 0);
  }

  open(socket: Socket): void {
    this.close();
    this.#socket = socket;
  }

  /** The socket is destroyed, so that nothing is written from any more: lets go of everything that waits. */
  close(): void {
    this.#socket = undefined;
    this.#clearOffered();
    for (const chunk of this.#backlog) this.#pool.give(chunk.buffer);
    this.#backlog.length = 0;
    this.#backlogBytes = 0;
    this.#letGo();
  }

  /**
   * Notes the range, or as many whole frames of it as there is room for.
   * @returns what was taken; valid until the next call.
   */
  offer(batch: FrameBatch, start: number, end: number, frameCount: number): Accepted {
    const accepted = this.#accepted;
    accepted.frames = frameCount;
    accepted.bytes = end - start;
    const last = this.#starts.length - 1;
    if (last < 0) this.#roomBytes = this.#maxQueuedBytes - this.queuedBytes;
    if (end - start > this.#roomBytes) measureFit(batch.bytes, start, this.#roomBytes, accepted);
    if (accepted.bytes === 0) return accepted;
    this.#roomBytes -= accepted.bytes;
    if (last >= 0 && this.#ends[last] === start && this.#batches[last] === batch) {
      this.#ends[last] = start + accepted.bytes;
    } else {
      this.#batches.push(batch);
      this.#starts.push(start);
      this.#ends.push(start + accepted.bytes);
    }
    this.#offeredBytes += accepted.bytes;
    return accepted;
  }

  flush(): void {
    const socket = this.#socket;
    const rangeCount = this.#starts.length;
    if (rangeCount === 0) return;
    if (socket === undefined || socket.destroyed) {
      this.#clearOffered();
      return;
    }
    if (rangeCount === 1 && this.#backlogBytes === 0 && socket.writableLength === 0) {
      const batch = this.#batches[0]!;
      socket.write(batch.bytes.subarray(this.#starts[0], this.#ends[0]), this.#onWritten);
      if (socket.writableLength > 0) {
        batch.retained = true;
        this.#held = batch;
      }
    } else {
      for (let index = 0; index < rangeCount; index++) {
        this.#append(this.#batches[index]!.bytes, this.#starts[index]!, this.#ends[index]!);
      }
      this.#pump(socket);
    }
    this.#clearOffered();
  }

  #append(bytes: Buffer, start: number, end: number): void {
    this.#backlogBytes += end - start;
    let chunk = this.#backlog.at(-1);
    for (let position = start; position < end; ) {
      if (chunk === undefined || chunk.length === CHUNK_BYTES) {
        chunk = { buffer: this.#pool.take(), length: 0 };
        this.#backlog.push(chunk);
      }
      const copied = Math.min(end - position, CHUNK_BYTES - chunk.length);
      copyBytes(chunk.buffer, chunk.length, bytes, position, position + copied);
      chunk.length += copied;
      position += copied;
    }
  }

  /** Writes chunks until one is not taken at once. */
  #pump(socket: Socket): void {
    while (socket.writableLength === 0 && !socket.destroyed) {
      const chunk = this.#backlog.shift();
      if (chunk === undefined) return;
      this.#backlogBytes -= chunk.length;
      socket.write(chunk.buffer.subarray(0, chunk.length), this.#onWritten);
      if (socket.writableLength === 0) {
        this.#pool.give(chunk.buffer);
      } else {
        this.#inFlight = chunk.buffer;
      }
    }
  }

  #afterWrite(): void {
    const socket = this.#socket;
    if (socket === undefined || socket.writableLength > 0) return;
    this.#letGo();
    this.#pump(socket);
  }

  /** Of what the socket read from. */
  #letGo(): void {
    if (this.#inFlight !== undefined) this.#pool.give(this.#inFlight);
    this.#inFlight = undefined;
    this.#held?.release?.();
    this.#held = undefined;
  }

  #clearOffered(): void {
    this.#batches.length = 0;
    this.#starts.length = 0;
    this.#ends.length = 0;
    this.#offeredBytes = 0;
  }
}

/** Whole frames from `start` on that take at most `room` bytes. */
function measureFit(bytes: Buffer, start: number, room: number, fit: Accepted): void {
  const limit = start + Math.min(room, fit.bytes);
  let position = start;
  fit.frames = 0;
  while (position + FRAME_HEADER_BYTES <= limit) {
    const next = position + FRAME_HEADER_BYTES + bytes.readUInt32BE(position);
    if (next > limit) break;
    fit.frames += 1;
    position = next;
  }
  fit.bytes = position - start;
}
