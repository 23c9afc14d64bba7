import { createHash } from 'node:crypto';

/**
 * The words that the host and a micro guest's agent (guest/agent) exchange over the guest's second serial port.
 *
 * Theory of operation: requests and answers are lines. An answer is `@ID pong` or
 * `@ID STATUS BYTES MD5 BASE64(output)`; anything else on the wire (boot messages, half a line of an earlier
 * conversation) is noise and skipped, and an answer whose digest does not match is noise as well. Ids are chosen by
 * the host, so a late answer to a forgotten request harms nobody. A line longer than the bound is dropped as a whole.
 */

/** What the guest's tty takes in at once without loss, bytes (N_TTY_BUF_SIZE is 4096). */
const MAX_REQUEST_BYTES = 4000;
/** 1 MiB of output in base64, with room for the words before it, bytes. */
const MAX_ANSWER_BYTES = 1_500_000;

export interface Answer {
  readonly id: string;
  /** Exit status of the shell line; absent for a pong. */
  readonly status?: number;
  /** Bytes that the line printed in all; more than `output` holds when the guest cut it. */
  readonly totalBytes?: number;
  readonly output: Buffer;
}

export function encodePing(id: string): string {
  return `\nPING ${id}\n`;
}

/**
 * @param seconds after which the guest kills the line.
 * @throws RangeError when the line is too long for the guest's tty; write long scripts in parts.
 */
export function encodeRun(id: string, seconds: number, line: string): string {
  const request = `\nRUN ${id} ${seconds} ${Buffer.from(line).toString('base64')}\n`;
  if (request.length > MAX_REQUEST_BYTES) {
    throw new RangeError(`a command of ${line.length} characters is too long for the command channel`);
  }
  return request;
}

/** @returns undefined for noise. */
export function parseAnswer(line: string): Answer | undefined {
  const words = /^@(\S+) (?:pong|(\d{1,3}) (\d{1,15}) ([0-9a-f]{32}) ?([A-Za-z0-9+/=]*))\r?$/.exec(line);
  if (words === null) return undefined;
  const [, id = '', status, totalBytes, digest, base64 = ''] = words;
  if (status === undefined) return { id, output: Buffer.alloc(0) };
  const output = Buffer.from(base64, 'base64');
  if (createHash('md5').update(output).digest('hex') !== digest) return undefined;
  return { id, status: Number(status), totalBytes: Number(totalBytes), output };
}

/** Cuts a byte stream into answers. */
export class AnswerReader {
  private parts: string[] = [];
  private length = 0;

  push(chunk: Buffer): Answer[] {
    const answers: Answer[] = [];
    const lines = chunk.toString('latin1').split('\n');
    for (const [index, text] of lines.entries()) {
      this.length += text.length;
      if (this.length <= MAX_ANSWER_BYTES) this.parts.push(text);
      else this.parts = [];
      if (index === lines.length - 1) break;
      const answer = parseAnswer(this.parts.join(''));
      if (answer !== undefined) answers.push(answer);
      this.parts = [];
      this.length = 0;
    }
    return answers;
  }
}
