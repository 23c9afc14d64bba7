/** What a model guest has received: bytes in order, what came early, and how much room is left. */
import type { Clock } from '../../../src/fabric/nat/clock.js';
import { type SackBlock, TcpFlag } from '../../../src/wire/tcp.js';
import type { Answer } from './segment-probe.js';

const READ_INTERVAL_MS = 10;

export interface ReceiverOptions {
  readonly clock: Clock;
  /** Room for data that the application has not read. */
  readonly bufferBytes?: number;
  /** Bytes the application reads every 10 ms; absent: everything at once. */
  readonly readBytesPer10Ms?: number;
}

export class ModelReceiver {
  /** RCV.NXT */
  expected = 0;
  finReceived = false;
  /** Everything received in order. */
  readonly received: Buffer[] = [];
  receivedCount = 0;
  readonly #options: ReceiverOptions;
  readonly #opened: () => void;
  readonly #violations: string[];
  readonly #outOfOrder = new Map<number, Buffer>();
  #latest = 0;
  #unread = 0;
  #offeredEdge = 0;
  #finAt: number | undefined;
  #reading = false;

  /** @param opened the application has read, and the window was nearly closed before. */
  constructor(options: ReceiverOptions, violations: string[], opened: () => void) {
    this.#options = options;
    this.#violations = violations;
    this.#opened = opened;
  }

  get windowBytes(): number {
    return Math.max((this.#options.bufferBytes ?? 65_535) - this.#unread, 0);
  }

  /** What was received beyond a gap; the block with the latest segment first (RFC 2018 section 4). */
  sackBlocks(): SackBlock[] {
    const pieces = [...this.#outOfOrder].map(([left, { length }]) => ({
      left,
      right: (left + length) >>> 0,
    }));
    const ahead = pieces.filter(({ left }) => ((left - this.expected) | 0) > 0);
    const inOrder = ahead.sort((a, b) => (a.left - b.left) | 0);
    const blocks: { left: number; right: number }[] = [];
    for (const piece of inOrder) {
      const last = blocks.at(-1);
      if (last === undefined || ((piece.left - last.right) | 0) > 0) blocks.push({ ...piece });
      else if (((piece.right - last.right) | 0) > 0) last.right = piece.right;
    }
    const isLatest = ({ left, right }: SackBlock) =>
      ((this.#latest - left) | 0) >= 0 && ((right - this.#latest) | 0) > 0;
    return blocks.sort((a, b) => Number(isLatest(b)) - Number(isLatest(a))).slice(0, 4);
  }

  begin(expected: number): void {
    this.expected = expected;
    this.offer(Math.min(this.windowBytes, 0xffff));
  }

  /** A segment with this window leaves. */
  offer(windowBytes: number): void {
    const edge = (this.expected + windowBytes) >>> 0;
    if (this.received.length === 0 && this.#outOfOrder.size === 0 && this.#offeredEdge === 0)
      this.#offeredEdge = edge;
    else if (((edge - this.#offeredEdge) | 0) > 0) this.#offeredEdge = edge;
  }

  /** @returns whether the segment asks for an acknowledgement. */
  take({ flags, sequence, payload }: Answer): boolean {
    const fin = (flags & TcpFlag.fin) !== 0;
    // An old sequence number asks for an answer: keep-alive, or our last acknowledgement was lost.
    if (payload.length === 0 && !fin) return sequence !== this.expected;
    const end = (sequence + payload.length) >>> 0;
    const beyond = (end - this.#offeredEdge) | 0;
    // One byte beyond the window is a probe (RFC 9293 section 3.8.6.1).
    if (beyond > 1) this.#violations.push(`${beyond} bytes beyond the window`);
    if (beyond <= 0 || (payload.length > beyond && ((sequence - this.expected) | 0) <= 0)) {
      this.#latest = sequence;
      this.#outOfOrder.set(sequence, beyond > 0 ? payload.subarray(0, payload.length - beyond) : payload);
      if (fin && beyond <= 0) this.#finAt = end;
    }
    for (let found = this.#nextPiece(); found !== undefined; found = this.#nextPiece()) {
      this.expected = (this.expected + found.length) >>> 0;
      this.received.push(found);
      this.receivedCount += found.length;
      this.#unread += found.length;
    }
    if (this.#finAt === this.expected && !this.finReceived) {
      this.finReceived = true;
      this.expected = (this.expected + 1) >>> 0;
    }
    if (this.#options.readBytesPer10Ms === undefined) this.#unread = 0;
    else this.#readLater(this.#options.readBytesPer10Ms);
    return true;
  }

  #nextPiece(): Buffer | undefined {
    for (const [sequence, piece] of this.#outOfOrder) {
      const skip = (this.expected - sequence) | 0;
      if (skip < 0) continue;
      this.#outOfOrder.delete(sequence);
      if (skip < piece.length) return piece.subarray(skip);
    }
    return undefined;
  }

  #readLater(bytes: number): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#options.clock.after(READ_INTERVAL_MS, () => {
      this.#reading = false;
      const before = this.windowBytes;
      this.#unread = Math.max(this.#unread - bytes, 0);
      if (before < 1460 && this.windowBytes > before) this.#opened();
      if (this.#unread > 0) this.#readLater(bytes);
    });
  }
}
