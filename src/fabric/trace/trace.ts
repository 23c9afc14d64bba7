/** Watched frames as lines of JSON (`TracedFrame`), for one reader: a bounded queue, which tells how many it lost. */
import type { TracedFrame } from '../control/protocol.js';
import type { WatchedFrame } from './frame-watch.js';

/** Of a frame its headers are told. */
const HEAD_BYTES = 192;
const MAX_QUEUED_FRAMES = 1024;

export class Trace {
  #queue: TracedFrame[] = [];
  #lost = 0;
  #wake: (() => void) | undefined;
  #isClosed = false;

  add({ bytes, reason }: WatchedFrame): void {
    if (this.#queue.length >= MAX_QUEUED_FRAMES) {
      this.#lost += 1;
      return;
    }
    const head = bytes.toString('base64', 0, Math.min(bytes.length, HEAD_BYTES));
    this.#queue.push({
      head,
      ...(reason !== undefined && { reason }),
      ...(this.#lost > 0 && { lost: this.#lost }),
    });
    this.#lost = 0;
    this.#wake?.();
  }

  /** Ends the stream once what is queued has been read. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  async *chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (this.#queue.length > 0) {
        const frames = this.#queue;
        this.#queue = [];
        yield Buffer.from(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(''));
      } else if (this.#isClosed) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}
