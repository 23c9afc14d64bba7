/**
 * Cuts the byte stream of RFC 7047 into JSON objects. They follow one another with no delimiter, so the end of one is
 * known only by its brackets. Each byte is looked at once whatever the chunks: what came before is kept as slices and
 * joined when its object ends, never scanned again. Size and depth are bounded; validity is JSON.parse's affair.
 */

/** Largest message taken, bytes. A 20,000-row select is about 10 MB. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** Deepest nesting taken: the limit of Open vSwitch's own parser (JSON_MAX_HEIGHT, lib/json.c). */
export const MAX_MESSAGE_DEPTH = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The stream is not what RFC 7047 says, or a bound was passed. The connection is of no more use. */
export class JsonStreamError extends Error {
  override readonly name = 'JsonStreamError';
}

export class JsonStream {
  readonly #maxMessageBytes: number;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Slices of the object under way. */
  #slices: Buffer[] = [];
  #heldBytes = 0;

  constructor(maxMessageBytes: number = MAX_MESSAGE_BYTES) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Bytes kept of an object that has not ended yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes the next chunk, of any size.
   * @returns the texts of the objects that end in it, in order.
   * @throws JsonStreamError on bytes outside an object, or when a bound is passed.
   */
  push(chunk: Buffer): string[] {
    const ended: string[] = [];
    let start = 0;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) {
        if (depth === 0) throw new JsonStreamError('a string stands where an object should begin');
        inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (depth === 0) {
          if (byte === OPEN_BRACKET)
            throw new JsonStreamError('an array stands where an object should begin');
          start = i;
        }
        depth += 1;
        if (depth > MAX_MESSAGE_DEPTH) throw new JsonStreamError(`nesting deeper than ${MAX_MESSAGE_DEPTH}`);
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (depth === 0) throw new JsonStreamError('a bracket closes what was never opened');
        depth -= 1;
        if (depth === 0) {
          ended.push(this.#join(chunk.subarray(start, i + 1)));
          start = i + 1;
        }
      } else if (depth === 0 && !isWhitespace(byte)) {
        throw new JsonStreamError(`byte 0x${byte.toString(16)} stands outside an object`);
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    if (depth > 0) this.#hold(chunk.subarray(start));
    return ended;
  }

  #hold(slice: Buffer): void {
    this.#heldBytes += slice.length;
    this.#checkSize(this.#heldBytes);
    this.#slices.push(slice);
  }

  #join(last: Buffer): string {
    this.#checkSize(this.#heldBytes + last.length);
    if (this.#slices.length === 0) return last.toString('utf8');
    this.#slices.push(last);
    const text = Buffer.concat(this.#slices).toString('utf8');
    this.#slices = [];
    this.#heldBytes = 0;
    return text;
  }

  #checkSize(bytes: number): void {
    if (bytes > this.#maxMessageBytes) {
      throw new JsonStreamError(`a message is larger than ${this.#maxMessageBytes} bytes`);
    }
  }
}

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
