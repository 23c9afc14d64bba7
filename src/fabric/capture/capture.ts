/**
 * A capture of what passes one port, as a pcapng stream.
 *
 * Theory of operation. While it runs, a `Capture` is a tap of the port: it copies each frame into a bounded queue that
 * its reader empties. Frames that find the queue full are counted and the count stands with the next frame and at the
 * end. Directions are those of the machine's NIC, which also names the interface: what the machine sends is outbound.
 * Frames are seen as they come from the machine, before any filter, and as they are queued for it.
 */
import { encodeHeader, encodePacket, encodeStatistics, PacketDirection } from '../../wire/pcapng.js';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from '../ports/port.js';
import type { Direction, PortTap } from '../ports/port-taps.js';

export const MAX_CAPTURE_QUEUE_BYTES = 8 * 1024 * 1024;

export interface CaptureOptions {
  readonly interfaceName: string;
  readonly maxQueuedBytes?: number;
  /** Since the epoch. */
  readonly nowMicroseconds?: () => number;
}

export class Capture implements PortTap {
  readonly #maxQueuedBytes: number;
  readonly #nowMicroseconds: () => number;
  #queue: Buffer[];
  #queuedBytes = 0;
  #seenCount = 0;
  #droppedCount = 0;
  #droppedSinceLast = 0;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(options: CaptureOptions) {
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_CAPTURE_QUEUE_BYTES;
    this.#nowMicroseconds = options.nowMicroseconds ?? epochMicroseconds;
    this.#queue = [encodeHeader('passerelle', options.interfaceName, MAX_FRAME_BYTES)];
  }

  onFrames(direction: Direction, bytes: Buffer, start: number, end: number): void {
    const timestampMicroseconds = this.#nowMicroseconds();
    const flag = direction === 'sent' ? PacketDirection.outbound : PacketDirection.inbound;
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      const next = frame + bytes.readUInt32BE(position);
      this.#add(timestampMicroseconds, flag, bytes, frame, next);
      position = next;
    }
    this.#wake?.();
  }

  onPortClosed(): void {
    this.close();
  }

  /** Ends the stream once what is queued has been read. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /** The stream, from its header on; for one reader. */
  async *chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (this.#queue.length > 0) {
        const ready = this.#queue;
        this.#queue = [];
        this.#queuedBytes = 0;
        yield Buffer.concat(ready);
      } else if (this.#isClosed) {
        yield encodeStatistics(this.#nowMicroseconds(), this.#seenCount, this.#droppedCount);
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }

  #add(time: number, direction: PacketDirection, bytes: Buffer, start: number, end: number): void {
    this.#seenCount += 1;
    if (this.#isClosed || this.#queuedBytes + end - start > this.#maxQueuedBytes) {
      this.#droppedCount += 1;
      this.#droppedSinceLast += 1;
      return;
    }
    const packet = {
      timestampMicroseconds: time,
      direction,
      originalBytes: end - start,
      dropCount: this.#droppedSinceLast,
    };
    const block = encodePacket(packet, bytes, start, end);
    this.#droppedSinceLast = 0;
    this.#queuedBytes += block.length;
    this.#queue.push(block);
  }
}

function epochMicroseconds(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}
