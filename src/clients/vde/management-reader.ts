/**
 * Cuts what a vde_switch says on its management socket into answers, prompts and events.
 *
 *     VDE switch V.2.3.2            <- banner, no item
 *     vde$ 3021 port/+ 05           <- a prompt has no end of line; events come whenever they happen
 *     0000 DATA END WITH '.'
 *     Port 0005 untagged_vlan=0000  <- data of the answer
 *     .
 *     1000 Success                  <- `1` and errno in three digits ends the answer
 *
 * The switch writes an answer in one go and never writes again what the socket's buffer did not take (some 200 kB): such
 * an answer breaks off in the middle and a prompt follows, which shows here as `truncated`.
 */
const NEWLINE = 0x0a;
const PROMPT = 'vde$ ';
const DATA_BEGINS = "0000 DATA END WITH '.'";
const DATA_ENDS = '.';
const MAX_LINE_BYTES = 16 * 1024;
/** Far above what a switch can say before its socket is full. */
const MAX_DATA_LINES = 200_000;

export type ManagementItem =
  | { readonly kind: 'prompt' }
  /** `errno` 0: success. `text` is the switch's own word for it. */
  | {
      readonly kind: 'answer';
      readonly errno: number;
      readonly text: string;
      readonly data: readonly string[];
    }
  /** The answer broke off; a prompt follows. */
  | { readonly kind: 'truncated' }
  /** `3021 port/+ 05`: category 021 (octal), path `port/+`, detail `05`. */
  | { readonly kind: 'event'; readonly path: string; readonly detail: string }
  | { readonly kind: 'end' };

export class ManagementReader {
  #rest: Buffer = Buffer.alloc(0);
  /** Data lines of the answer that is being read; undefined outside of data. */
  #open: string[] | undefined;
  /** Data of an answer whose last line is still to come. */
  #data: readonly string[] = [];

  /** @throws RangeError when the switch says more than any switch would; the stream is of no use then. */
  push(chunk: Buffer): ManagementItem[] {
    const items: ManagementItem[] = [];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (startsWithPrompt(bytes)) {
        if (this.#open !== undefined) items.push({ kind: 'truncated' });
        this.#open = undefined;
        this.#data = [];
        items.push({ kind: 'prompt' });
        bytes = bytes.subarray(PROMPT.length);
        continue;
      }
      const newline = bytes.indexOf(NEWLINE);
      if (newline === -1) break;
      const item = this.#line(bytes.toString('utf8', 0, newline));
      if (item !== undefined) items.push(item);
      bytes = bytes.subarray(newline + 1);
    }
    if (bytes.length > MAX_LINE_BYTES) throw new RangeError(`a line exceeds ${MAX_LINE_BYTES} bytes`);
    if (bytes.toString('latin1').startsWith('9999 ')) items.push({ kind: 'end' });
    // A copy: the chunk belongs to the socket.
    this.#rest = Buffer.from(bytes);
    return items;
  }

  #line(line: string): ManagementItem | undefined {
    if (this.#open !== undefined) {
      if (line !== DATA_ENDS) {
        this.#open.push(line);
        if (this.#open.length > MAX_DATA_LINES) throw new RangeError(`more than ${MAX_DATA_LINES} lines`);
        return undefined;
      }
      this.#data = this.#open;
      this.#open = undefined;
      return undefined;
    }
    if (line === DATA_BEGINS) {
      this.#open = [];
      return undefined;
    }
    const [, group, digits = '', text = ''] = /^([139])(\d{3})(?: (.*))?$/s.exec(line) ?? [];
    switch (group) {
      case '1': {
        const data = this.#data;
        this.#data = [];
        return { kind: 'answer', errno: Number(digits), text, data };
      }
      case '3': {
        const [path = '', ...detail] = text.split(' ');
        return { kind: 'event', path, detail: detail.join(' ') };
      }
      case '9':
        return { kind: 'end' };
      default:
        // The banner, and the empty line before each prompt.
        return undefined;
    }
  }
}

function startsWithPrompt(bytes: Buffer): boolean {
  return bytes.length >= PROMPT.length && bytes.toString('latin1', 0, PROMPT.length) === PROMPT;
}
