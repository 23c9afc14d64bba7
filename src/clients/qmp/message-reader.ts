import { parseMessage, QmpConnectionError, type QmpMessage } from './message.js';

const NEWLINE = 0x0a;
/** Above QEMU's longest reply (query-qmp-schema, some 200 KiB), bytes. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Cuts the byte stream of a QMP monitor into messages. Holds at most one line of `maxLineBytes`. */
export class MessageReader {
  private parts: Buffer[] = [];
  private heldBytes = 0;

  constructor(private readonly maxLineBytes = MAX_LINE_BYTES) {}

  /** @throws QmpConnectionError when a line is no QMP message or too long; the stream is of no use then. */
  push(chunk: Buffer): QmpMessage[] {
    const messages: QmpMessage[] = [];
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      this.hold(chunk.subarray(start, newline === -1 ? chunk.length : newline));
      if (newline === -1) return messages;
      const line = Buffer.concat(this.parts).toString('utf8').trim();
      this.parts = [];
      this.heldBytes = 0;
      if (line !== '') messages.push(parseMessage(line));
      start = newline + 1;
    }
  }

  private hold(part: Buffer): void {
    if (part.length === 0) return;
    this.heldBytes += part.length;
    if (this.heldBytes > this.maxLineBytes) {
      this.parts = [];
      throw new QmpConnectionError(`a QMP line exceeds ${this.maxLineBytes} bytes`);
    }
    this.parts.push(part);
  }
}
