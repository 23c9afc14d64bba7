/** How many packets the rules of ours have ended, each with its reason, for `status`. Pure. */
import type { NftTable } from '../../../clients/nft/listing.js';
import { REASONS } from './reasons.js';

/** Every broadcast of an isolated network ends at the host's own door: that is no news. */
const EXPECTED = new Set(['closed']);

/** @param tables of ours, as listed. Most frequent first. */
export function endedNotes(tables: readonly NftTable[]): string[] {
  const counts = new Map<string, number>();
  for (const { comment = '', expressions } of tables.flatMap(({ rules }) => rules)) {
    const [name = ''] = comment.split(' ');
    if (!(name in REASONS) || EXPECTED.has(name)) continue;
    const packets = expressions.reduce((sum, expression) => sum + packetsOf(expression), 0);
    if (packets > 0) counts.set(name, (counts.get(name) ?? 0) + packets);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(
      ([name, packets]) =>
        `${packets} ${packets === 1 ? 'packet has' : 'packets have'} ended here: ${REASONS[name] ?? name} (${name})`,
    );
}

function packetsOf(expression: Readonly<Record<string, unknown>>): number {
  const { counter } = expression;
  if (typeof counter !== 'object' || counter === null || !('packets' in counter)) return 0;
  return typeof counter.packets === 'number' ? counter.packets : 0;
}
