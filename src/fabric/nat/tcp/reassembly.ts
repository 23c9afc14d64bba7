/**
 * Segments that came before the ones in front of them (RFC 9293 section 3.10.7.4), kept in order, without
 * overlap, until the gap closes. Bounded by the offered window in bytes and by a number of segments; what finds
 * no room is dropped and will be sent again. Ranges are reported to guests that understand SACK (RFC 2018).
 */
import { type SackBlock, sequenceAdd, sequenceAfter, sequenceDistance } from '../../../wire/tcp.js';

interface Piece {
  readonly sequence: number;
  readonly data: Buffer;
}

export class Reassembly {
  readonly #maxSegments: number;
  #pieces: Piece[] = [];
  #latest = 0;

  constructor(maxSegments: number) {
    this.#maxSegments = maxSegments;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get heldBytes(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.data.length, 0);
  }

  /** Keeps a copy of what is new in bytes [start, end), which begin at `sequence`. */
  insert(sequence: number, bytes: Buffer, start: number, end: number): void {
    this.#latest = sequence;
    let index = this.#pieces.length;
    while (index > 0 && sequenceAfter(this.#pieces[index - 1]!.sequence, sequence)) index--;
    const previous = this.#pieces[index - 1];
    let position = start;
    if (previous !== undefined) {
      const overlap = sequenceDistance(sequenceAdd(previous.sequence, previous.data.length), sequence);
      if (overlap > 0) position += overlap;
    }
    // Fill the gaps between the pieces that follow; stop at the end of the segment.
    while (position < end && this.#pieces.length < this.#maxSegments) {
      const first = sequenceAdd(sequence, position - start);
      const next = this.#pieces[index];
      const gap = next === undefined ? end - position : sequenceDistance(next.sequence, first);
      const bytesToCopy = Math.min(gap, end - position);
      if (bytesToCopy > 0) {
        const data = Buffer.allocUnsafeSlow(bytesToCopy);
        bytes.copy(data, 0, position, position + bytesToCopy);
        this.#pieces.splice(index, 0, { sequence: first, data });
        index++;
      }
      if (next === undefined) return;
      position = start + sequenceDistance(sequenceAdd(next.sequence, next.data.length), sequence);
      index++;
    }
  }

  /** Removes and returns what continues at `sequence`; pieces that lie wholly before it are forgotten. */
  take(sequence: number): Buffer | undefined {
    let taken = 0;
    let found: Buffer | undefined;
    for (const piece of this.#pieces) {
      const skip = sequenceDistance(sequence, piece.sequence);
      if (skip < 0) break;
      taken++;
      if (skip < piece.data.length) {
        found = piece.data.subarray(skip);
        break;
      }
    }
    if (taken > 0) this.#pieces = this.#pieces.slice(taken);
    return found;
  }

  /** At most `limit` ranges; the one with the segment that came last stands first (RFC 2018 section 4). */
  ranges(limit: number): SackBlock[] {
    const all: { left: number; right: number }[] = [];
    for (const piece of this.#pieces) {
      const right = sequenceAdd(piece.sequence, piece.data.length);
      const last = all.at(-1);
      if (last?.right === piece.sequence) last.right = right;
      else all.push({ left: piece.sequence, right });
    }
    const holdsLatest = (block: SackBlock): boolean =>
      sequenceDistance(this.#latest, block.left) >= 0 && sequenceDistance(block.right, this.#latest) > 0;
    all.sort((a, b) => Number(holdsLatest(b)) - Number(holdsLatest(a)));
    return all.slice(0, limit);
  }
}
