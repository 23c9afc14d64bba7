/** Lines out of what the fabric answers; it is our own program, so they are only bounded against defects. */
const NEWLINE = 0x0a;
const MAX_LINE_BYTES = 256 * 1024 * 1024;

export class AnswerLines {
  #parts: Buffer[] = [];
  #partBytes = 0;

  /**
   * @param maxLines stop after so many; what follows is had with `takeRest`.
   * @returns the lines that `chunk` completes.
   * @throws RangeError for a line that no answer can be.
   */
  read(chunk: Buffer, maxLines = Number.POSITIVE_INFINITY): string[] {
    const lines: string[] = [];
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    while (end >= 0 && lines.length < maxLines) {
      this.#parts.push(chunk.subarray(start, end));
      lines.push(this.takeRest().toString('utf8'));
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    const rest = chunk.subarray(start);
    this.#partBytes += rest.length;
    if (this.#partBytes > MAX_LINE_BYTES)
      throw new RangeError(`an answer of more than ${MAX_LINE_BYTES} bytes`);
    if (rest.length > 0) this.#parts.push(rest);
    return lines;
  }

  /** The bytes behind the last line. */
  takeRest(): Buffer {
    const rest = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    return rest;
  }
}
