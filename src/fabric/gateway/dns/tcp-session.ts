/**
 * DNS over one TCP connection (RFC 1035 section 4.2.2, RFC 7766): u16 length, message, again and again.
 *
 * Takes the client's bytes as they come, hands over whole queries, and sends each answer when it is there, in any order.
 * Limits: MAX_PENDING queries under way and one unfinished query (64 KiB) in memory; a client that sends more, or a
 * query without content, is cut off. A connection without a whole query or an answer for IDLE_TIMEOUT_MS ends.
 */
export interface DnsTcpSessionOptions {
  /** Answers one query; `undefined` when none is due. */
  readonly answer: (query: Buffer) => Promise<Buffer | undefined>;
  /** Takes bytes for the client. */
  readonly send: (bytes: Buffer) => void;
  /** The server's side is over: close after what was sent. Called once. */
  readonly end: () => void;
  readonly idleTimeoutMs?: number;
}

const LENGTH_BYTES = 2;
/** RFC 7766 section 6.2.3 leaves the time to the server; a guest's resolver pauses for seconds at most. */
export const IDLE_TIMEOUT_MS = 20_000;
export const MAX_PENDING = 64;
/** Pieces of an unfinished query are joined at this number: a client may send byte by byte. */
const MAX_CHUNKS = 64;

export class DnsTcpSession {
  readonly #options: DnsTcpSessionOptions;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #pending = 0;
  #clientEnded = false;
  #ended = false;
  #idleTimer: NodeJS.Timeout;

  constructor(options: DnsTcpSessionOptions) {
    this.#options = options;
    this.#idleTimer = setTimeout(() => this.#end(), options.idleTimeoutMs ?? IDLE_TIMEOUT_MS);
  }

  /** Bytes from the client, cut anywhere; copied if kept. */
  receive(bytes: Buffer): void {
    if (this.#ended || this.#clientEnded) return;
    this.#received.push(Buffer.from(bytes));
    this.#receivedBytes += bytes.length;
    if (this.#received.length > MAX_CHUNKS) this.#received = [Buffer.concat(this.#received)];
    if (this.#receivedBytes < this.#neededBytes()) return;
    let stream = Buffer.concat(this.#received);
    while (stream.length >= LENGTH_BYTES && !this.#ended) {
      const end = LENGTH_BYTES + stream.readUInt16BE(0);
      if (end === LENGTH_BYTES) return this.#end();
      if (stream.length < end) break;
      if (this.#pending === MAX_PENDING) return this.#end();
      void this.#answer(stream.subarray(LENGTH_BYTES, end));
      stream = stream.subarray(end);
    }
    this.#received = [stream];
    this.#receivedBytes = stream.length;
  }

  /** The client will send no more; what is under way is still answered. */
  receiveEnd(): void {
    this.#clientEnded = true;
    if (this.#pending === 0) this.#end();
  }

  /** The connection is gone, or shall go: nothing is sent any more, `end` is not called. */
  close(): void {
    this.#ended = true;
    clearTimeout(this.#idleTimer);
    this.#received = [];
  }

  /** Bytes that make the unfinished message whole, as far as known. */
  #neededBytes(): number {
    const [first] = this.#received;
    return first === undefined || first.length < LENGTH_BYTES
      ? LENGTH_BYTES
      : LENGTH_BYTES + first.readUInt16BE(0);
  }

  async #answer(query: Buffer): Promise<void> {
    this.#pending++;
    this.#idleTimer.refresh();
    const answer = await this.#options.answer(query);
    this.#pending--;
    if (this.#ended) return;
    this.#idleTimer.refresh();
    if (answer !== undefined) {
      const framed = Buffer.alloc(LENGTH_BYTES + answer.length);
      framed.writeUInt16BE(answer.length, 0);
      answer.copy(framed, LENGTH_BYTES);
      this.#options.send(framed);
    }
    if (this.#clientEnded && this.#pending === 0) this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.close();
    this.#options.end();
  }
}
