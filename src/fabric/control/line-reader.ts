/** Lines out of a byte stream, each at most `maxBytes` long. Memory is at most twice the longest line. */
const NEWLINE = 0x0a;
const INITIAL_BYTES = 4096;

export class LineReader {
  readonly #maxBytes: number;
  /** The line that is not complete yet. */
  #partial = Buffer.alloc(INITIAL_BYTES);
  #partialBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the lines that `chunk` completes, without their ends.
   * @throws RangeError when a line grows past the bound; the reader is of no more use then.
   */
  read(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk, start, end);
      lines.push(this.#partial.toString('utf8', 0, this.#partialBytes));
      this.#partialBytes = 0;
      start = end + 1;
    }
    this.#keep(chunk, start, chunk.length);
    return lines;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#partialBytes + end - start;
    if (needed > this.#maxBytes) throw new RangeError(`a line of more than ${this.#maxBytes} bytes`);
    if (needed > this.#partial.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#partial.length * 2));
      this.#partial.copy(larger, 0, 0, this.#partialBytes);
      this.#partial = larger;
    }
    chunk.copy(this.#partial, this.#partialBytes, start, end);
    this.#partialBytes = needed;
  }
}
