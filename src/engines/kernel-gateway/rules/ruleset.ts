/**
 * Tables of ours as data. The chains and rules of a table are the same for any number of networks, machines and
 * forwards; what differs are the elements of its sets and maps (`elements.ts`), looked up in constant time. A rule's
 * comment is its name and a digest of its text, so that a rule that was removed, or is of another version of ours,
 * shows in what is observed.
 */
import { createHash } from 'node:crypto';
import type { NftTable } from '../../../clients/nft/listing.js';
import { quoted } from '../../../clients/nft/transaction.js';
import type { Json } from '../../../plan/resource.js';

export type TableFamily = 'inet' | 'bridge' | 'netdev';

export interface TableName {
  readonly family: TableFamily;
  readonly name: string;
}

export interface TableDefinition extends TableName {
  /** Set or map name -> its specification. */
  readonly sets: Readonly<Record<string, string>>;
  readonly chains: Readonly<Record<string, ChainDefinition>>;
}

export interface ChainDefinition {
  /** `type nat hook prerouting priority -100`; absent on a chain that is jumped to. */
  readonly hook?: string;
  /** Rule name -> rule, in order. */
  readonly rules: Readonly<Record<string, string>>;
}

/** Our table of a family: the mark of ownership is its name. */
export function tableName(family: TableFamily, project: string, provider: string): TableName {
  return { family, name: `passerelle.${project}.${provider}` };
}

export function tablePhrase({ family, name }: TableName): string {
  return `${family} ${name}`;
}

/** What makes the table what it is, comparable with {@link observedTable}. */
export function tableProperties(table: TableDefinition): Record<string, Json> {
  return {
    family: table.family,
    name: table.name,
    sets: Object.keys(table.sets).sort(),
    chains: Object.fromEntries(
      Object.entries(table.chains).map(([chain, { rules }]) => [
        chain,
        Object.entries(rules).map(([name, text]) => ruleComment(name, text)),
      ]),
    ),
  };
}

/** The same of a table that stands. A rule without a comment is not ours and shows as one. */
export function observedTable(listing: NftTable): Record<string, Json> {
  const chains = new Map<string, string[]>(listing.chains.map(({ name }) => [name, []]));
  for (const rule of listing.rules) chains.get(rule.chain)?.push(rule.comment ?? '(not ours)');
  return {
    family: listing.family,
    name: listing.name,
    sets: listing.sets.map(({ name }) => name).sort(),
    chains: Object.fromEntries(chains),
  };
}

/**
 * The commands that make the table as it is defined, whatever of it stands already. Elements stay.
 * @param standing properties of the table as observed, when there is one.
 */
export function tableLines(table: TableDefinition, standing?: Readonly<Record<string, Json>>): string[] {
  const phrase = tablePhrase(table);
  const chains = Object.entries(table.chains);
  const strangers = Object.keys((standing?.['chains'] ?? {}) as object).filter(
    (chain) => !(chain in table.chains),
  );
  const oldSets = ((standing?.['sets'] ?? []) as readonly string[]).filter((set) => !(set in table.sets));
  return [
    `add table ${phrase}`,
    ...Object.entries(table.sets).map(
      ([name, specification]) => `add ${setKind(specification)} ${phrase} ${name} { ${specification} }`,
    ),
    ...chains.map(([name, { hook }]) =>
      hook === undefined
        ? `add chain ${phrase} ${name}`
        : `add chain ${phrase} ${name} { ${hook} ; policy accept ; }`,
    ),
    ...[...chains.map(([name]) => name), ...strangers].map((name) => `flush chain ${phrase} ${name}`),
    ...strangers.map((name) => `delete chain ${phrase} ${name}`),
    ...chains.flatMap(([chain, { rules }]) =>
      Object.entries(rules).map(
        ([name, text]) => `add rule ${phrase} ${chain} ${text} comment ${quoted(ruleComment(name, text))}`,
      ),
    ),
    ...oldSets.map((name) => `delete set ${phrase} ${name}`),
  ];
}

function setKind(specification: string): 'map' | 'set' {
  return specification.includes(' : ') ? 'map' : 'set';
}

function ruleComment(name: string, text: string): string {
  return `${name} ${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}
