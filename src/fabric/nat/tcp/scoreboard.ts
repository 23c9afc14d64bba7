/**
 * What the guest holds out of order, as its selective acknowledgements tell (RFC 2018), and what that says of loss
 * (RFC 6675 section 4).
 *
 * Blocks are kept in order, apart from each other, between SND.UNA and what was sent; others are left out: old ones,
 * duplicates (RFC 2883), nonsense. Holes below `lostEdge` count as lost. `resentEdge` is HighRxt: holes below it have
 * been sent again. A retransmission that is lost itself shows by what was sent after it and arrived. After a time-out
 * everything is forgotten, since a guest may drop what it acknowledged this way (RFC 2018 section 8).
 *
 * Limits: `MAX_BLOCKS`; a guest that reports more is believed for the lowest of them, and the rest goes out again.
 */
import { type SackBlock, sequenceAfter, sequenceBefore, sequenceDistance } from '../../../wire/tcp.js';
import { LOSS_THRESHOLD } from './limits.js';

const MAX_BLOCKS = 128;

export class Scoreboard {
  #blocks: SackBlock[] = [];
  #resentEdge: number | undefined;
  /** Behind what was sent when the first hole was last sent again. */
  #sentBeforeResend: number | undefined;

  /** The first hole was sent again. */
  get firstWasResent(): boolean {
    return this.#sentBeforeResend !== undefined;
  }

  /** Takes what a segment reports. `highest` is the sequence number behind everything sent. */
  take(blocks: readonly SackBlock[], unacknowledged: number, highest: number): void {
    for (const block of blocks) {
      const isOrdered = sequenceBefore(block.left, block.right);
      const isUnderWay = sequenceAfter(block.left, unacknowledged) && !sequenceAfter(block.right, highest);
      if (isOrdered && isUnderWay) this.#add(block);
    }
  }

  /** SND.UNA moved: what lies below is no longer of interest. */
  advance(unacknowledged: number, highest: number): void {
    // The hole that is first now was sent again, at the latest, now.
    const isResent = this.#resentEdge !== undefined && sequenceAfter(this.#resentEdge, unacknowledged);
    this.#sentBeforeResend = isResent ? highest : undefined;
    if (!isResent) this.#resentEdge = undefined;
    if (this.#blocks.length === 0) return;
    this.#blocks = this.#blocks.filter(({ right }) => sequenceAfter(right, unacknowledged));
  }

  clear(): void {
    this.#blocks = [];
    this.#resentEdge = undefined;
    this.#sentBeforeResend = undefined;
  }

  /** Data up to `edge` was sent again. @param isFirst it began at SND.UNA. */
  resent(edge: number, isFirst: boolean, highest: number): void {
    if (this.#resentEdge === undefined || sequenceAfter(edge, this.#resentEdge)) this.#resentEdge = edge;
    if (isFirst) this.#sentBeforeResend = highest;
  }

  /** The first hole was sent again, and enough of what was sent after it has arrived. */
  resendWasLost(mssBytes: number): boolean {
    const since = this.#sentBeforeResend;
    if (since === undefined) return false;
    let arrivedBytes = 0;
    for (const { left, right } of this.#blocks) {
      const from = sequenceAfter(left, since) ? left : since;
      arrivedBytes += Math.max(sequenceDistance(right, from), 0);
    }
    return arrivedBytes > (LOSS_THRESHOLD - 1) * mssBytes;
  }

  /**
   * Holes that begin below are lost: enough blocks, or bytes, arrived from above them (IsLost).
   * @returns undefined when none is.
   */
  lostEdge(mssBytes: number): number | undefined {
    let arrivedBytes = 0;
    for (let index = this.#blocks.length - 1; index >= 0; index--) {
      const { left, right } = this.#blocks[index]!;
      arrivedBytes += sequenceDistance(right, left);
      const isEnough = arrivedBytes > (LOSS_THRESHOLD - 1) * mssBytes;
      if (isEnough || this.#blocks.length - index >= LOSS_THRESHOLD) return left;
    }
    return undefined;
  }

  /** The next lost bytes that were not sent again yet (NextSeg, rule 1). */
  nextLost(unacknowledged: number, mssBytes: number): SackBlock | undefined {
    const edge = this.lostEdge(mssBytes);
    if (edge === undefined) return undefined;
    const resentEdge = this.#resentEdge ?? unacknowledged;
    for (const hole of this.#holesBelow(edge, unacknowledged)) {
      if (!sequenceAfter(hole.right, resentEdge)) continue;
      return { left: sequenceAfter(resentEdge, hole.left) ? resentEdge : hole.left, right: hole.right };
    }
    return undefined;
  }

  /** Bytes that are still in the network (SetPipe): neither arrived nor lost, or sent again. */
  pipeBytes(unacknowledged: number, highest: number, mssBytes: number): number {
    let outside = 0;
    for (const { left, right } of this.#blocks) outside += sequenceDistance(right, left);
    const edge = this.lostEdge(mssBytes);
    if (edge !== undefined) {
      const resentEdge = this.#resentEdge ?? unacknowledged;
      for (const { left, right } of this.#holesBelow(edge, unacknowledged)) {
        const from = sequenceAfter(resentEdge, left) ? resentEdge : left;
        outside += Math.max(sequenceDistance(right, from), 0);
      }
    }
    return sequenceDistance(highest, unacknowledged) - outside;
  }

  *#holesBelow(edge: number, unacknowledged: number): Generator<SackBlock> {
    let left = unacknowledged;
    for (const block of this.#blocks) {
      yield { left, right: block.left };
      if (block.left === edge) return;
      left = block.right;
    }
  }

  #add({ left, right }: SackBlock): void {
    const before = this.#blocks.filter((block) => sequenceBefore(block.right, left));
    const behind = this.#blocks.filter((block) => sequenceAfter(block.left, right));
    const joined = this.#blocks.slice(before.length, this.#blocks.length - behind.length);
    const first = joined[0]?.left ?? left;
    const last = joined.at(-1)?.right ?? right;
    const whole = {
      left: sequenceBefore(first, left) ? first : left,
      right: sequenceAfter(last, right) ? last : right,
    };
    this.#blocks = [...before, whole, ...behind].slice(0, MAX_BLOCKS);
  }
}
