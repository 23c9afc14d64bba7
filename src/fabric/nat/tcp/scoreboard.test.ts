import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SackBlock, sequenceAdd } from '../../../wire/tcp.js';
import { Scoreboard } from './scoreboard.js';

const MSS = 10;
const SENT_BYTES = 400;

/** Blocks as offsets from SND.UNA, some of them nonsense, and where sequence numbers begin: often before they wrap. */
const reports = fc.array(
  fc.record({ left: fc.integer({ min: -50, max: 450 }), length: fc.integer({ min: -20, max: 120 }) }),
  { maxLength: 12 },
);
const starts = fc.oneof(fc.nat(0xffff_ffff), fc.integer({ min: 0xffff_ff00, max: 0xffff_ffff }));

function blocksFrom(start: number, list: readonly { left: number; length: number }[]): SackBlock[] {
  return list.map(({ left, length }) => ({
    left: sequenceAdd(start, left),
    right: sequenceAdd(start, left + length),
  }));
}

/** Which bytes have arrived, one by one. */
function arrivedBytes(list: readonly { left: number; length: number }[]): boolean[] {
  const arrived = Array.from({ length: SENT_BYTES }, () => false);
  for (const { left, length } of list) {
    if (length <= 0 || left <= 0 || left + length > SENT_BYTES) continue;
    arrived.fill(true, left, left + length);
  }
  return arrived;
}

/** IsLost of RFC 6675 section 4, byte by byte. */
function isLost(arrived: readonly boolean[], at: number): boolean {
  if (arrived[at]) return false;
  const above = arrived.slice(at + 1);
  const bytes = above.filter(Boolean).length;
  const blocks = above.filter((here, index) => here && above[index - 1] !== true).length;
  return bytes > 2 * MSS || blocks >= 3;
}

describe('Scoreboard (RFC 6675 section 4)', () => {
  it('counts as lost, and as in the network, what a count byte by byte does', () => {
    fc.assert(
      fc.property(starts, reports, (start, list) => {
        const board = new Scoreboard();
        const highest = sequenceAdd(start, SENT_BYTES);
        for (const block of blocksFrom(start, list)) board.take([block], start, highest);
        const arrived = arrivedBytes(list);
        const lost = arrived.map((_, at) => isLost(arrived, at));
        const pipe = arrived.filter((here, at) => !here && !lost[at]).length;
        expect(board.pipeBytes(start, highest, MSS)).toBe(pipe);
        const first = lost.indexOf(true);
        const hole = board.nextLost(start, MSS);
        expect(hole?.left).toBe(first < 0 ? undefined : sequenceAdd(start, first));
      }),
    );
  });

  it('names each lost byte once, in order', () => {
    fc.assert(
      fc.property(starts, reports, (start, list) => {
        const board = new Scoreboard();
        const highest = sequenceAdd(start, SENT_BYTES);
        board.take(blocksFrom(start, list), start, highest);
        const arrived = arrivedBytes(list);
        const named: number[] = [];
        for (let hole = board.nextLost(start, MSS); hole !== undefined; hole = board.nextLost(start, MSS)) {
          const bytes = Math.min((hole.right - hole.left) | 0, MSS);
          for (let index = 0; index < bytes; index++) named.push(((hole.left - start) | 0) + index);
          board.resent(sequenceAdd(hole.left, bytes), hole.left === start, highest);
        }
        expect(named).toEqual(arrived.flatMap((_, at) => (isLost(arrived, at) ? [at] : [])));
        expect(board.pipeBytes(start, highest, MSS)).toBe(arrived.filter((here) => !here).length);
      }),
    );
  });

  it('forgets what SND.UNA has passed', () => {
    const board = new Scoreboard();
    board.take([{ left: 20, right: 60 }], 0, 100);
    board.resent(10, true, 100);
    board.advance(60, 100);
    expect(board.firstWasResent).toBe(false);
    expect(board.pipeBytes(60, 100, MSS)).toBe(40);
  });

  it('notices that what was sent again is lost, by what was sent after it', () => {
    const board = new Scoreboard();
    board.take([{ left: 10, right: 100 }], 0, 100);
    board.resent(10, true, 100);
    expect(board.resendWasLost(MSS)).toBe(false);
    board.take([{ left: 10, right: 120 }], 0, 200);
    expect(board.resendWasLost(MSS)).toBe(false);
    board.take([{ left: 10, right: 121 }], 0, 200);
    expect(board.resendWasLost(MSS)).toBe(true);
    board.resent(10, true, 200);
    expect(board.resendWasLost(MSS)).toBe(false);
  });

  it('keeps a bounded number of blocks, the lowest', () => {
    const board = new Scoreboard();
    const blocks = Array.from({ length: 300 }, (_, index) => ({ left: 2 * index + 1, right: 2 * index + 2 }));
    board.take(blocks, 0, 1000);
    expect(board.pipeBytes(0, 1000, 1000)).toBe(1000 - 128 - (128 - 2));
  });
});
