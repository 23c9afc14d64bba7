/**
 * Resources that are elements of our sets and maps: a network's policy, a forward, a NIC's guard. Their properties are
 * the elements themselves, as typed; each carries the comment `KIND NAME FOR…`, which says what asked for it and from
 * which the resource is read back.
 */
import type { NftTable } from '../../../clients/nft/listing.js';
import { quoted } from '../../../clients/nft/transaction.js';
import type { Json, Resource } from '../../../plan/resource.js';
import { type TableDefinition, tablePhrase } from './ruleset.js';

/** Set or map name -> elements as typed, sorted. */
export type Elements = Readonly<Record<string, readonly string[]>>;

export interface ElementOwner {
  readonly kind: string;
  readonly name: string;
  /** NIC or network that it serves. */
  readonly serves: string;
}

/** Sorted, and without sets that hold nothing: the one way to write the same elements. */
export function canonicalElements(elements: Elements): Elements {
  return Object.fromEntries(
    Object.entries(elements)
      .filter(([, texts]) => texts.length > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([set, texts]) => [set, [...texts].sort()]),
  );
}

export function elementComment({ kind, name, serves }: ElementOwner): string {
  return `${kind} ${name} ${serves}`;
}

/** Every element of the table by who asked for it; elements without such a comment are nobody's. */
export function elementsByOwner(table: NftTable): { owner: ElementOwner; elements: Elements }[] {
  const byComment = new Map<string, Record<string, string[]>>();
  for (const { name: set, elements } of table.sets) {
    for (const { text, comment } of elements) {
      if (comment === undefined) continue;
      const owned = byComment.get(comment) ?? {};
      byComment.set(comment, owned);
      const texts = owned[set];
      if (texts === undefined) owned[set] = [text];
      else texts.push(text);
    }
  }
  return [...byComment].flatMap(([comment, elements]) => {
    const [kind, name, serves] = comment.split(' ');
    if (kind === undefined || name === undefined || serves === undefined) return [];
    return [{ owner: { kind, name, serves }, elements: canonicalElements(elements) }];
  });
}

/**
 * Commands that lead from some elements to others, one for each set; what is in both stays untouched. A set that the
 * table has no more, as after an upgrade, goes with all that is in it.
 */
export function elementLines(
  table: Pick<TableDefinition, 'family' | 'name' | 'sets'>,
  comment: string,
  before: Elements,
  after: Elements,
): string[] {
  const phrase = tablePhrase(table);
  const standing = Object.fromEntries(Object.entries(before).filter(([set]) => set in table.sets));
  const gone = without(standing, after).map(
    ([set, texts]) => `delete element ${phrase} ${set} { ${texts.map(keyOf).join(', ')} }`,
  );
  const come = without(after, before).map(
    ([set, texts]) =>
      `add element ${phrase} ${set} { ${texts.map((text) => commented(text, comment)).join(', ')} }`,
  );
  return [...gone, ...come];
}

export function elementsOf(resource: Resource): Elements {
  return (resource.properties['elements'] ?? {}) as Elements;
}

export function elementProperties(elements: Elements): Record<string, Json> {
  return { elements: canonicalElements(elements) };
}

function without(all: Elements, taken: Elements): [set: string, texts: string[]][] {
  return Object.entries(all).flatMap(([set, texts]): [string, string[]][] => {
    const kept = new Set(taken[set] ?? []);
    const others = texts.filter((text) => !kept.has(text));
    return others.length === 0 ? [] : [[set, others]];
  });
}

function keyOf(text: string): string {
  return text.split(' : ')[0] ?? text;
}

/** The comment stands after the key, before the data of a map. */
function commented(text: string, comment: string): string {
  const [key, data] = text.split(' : ');
  return `${key} comment ${quoted(comment)}${data === undefined ? '' : ` : ${data}`}`;
}
