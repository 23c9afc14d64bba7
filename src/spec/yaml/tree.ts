import type { Path } from '../problems/wording.js';
import type { SourceLocation } from '../source-location.js';

/** The file as plain values, each of which knows where it was written. Aliases and merge keys are already followed. */
export type Tree = Leaf | List | Mapping;

export interface Leaf {
  readonly kind: 'leaf';
  readonly value: string | number | boolean | null;
  readonly at: SourceLocation;
  /** The value could not be read, which has been told; nothing more is to be said of it. */
  readonly isLost?: true;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly at: SourceLocation;
}

export interface Mapping {
  readonly kind: 'mapping';
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: SourceLocation;
  /** Some entries could not be read, which has been told; what is missing may be among them. */
  readonly isPartial?: true;
}

export interface Entry {
  readonly keyAt: SourceLocation;
  readonly value: Tree;
}

/** The values alone. Mappings have no prototype, so that no key has a meaning of its own. */
export function plainValue(tree: Tree): unknown {
  if (tree.kind === 'leaf') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plainValue);
  const mapping = Object.create(null) as Record<string, unknown>;
  for (const [key, entry] of tree.entries) mapping[key] = plainValue(entry.value);
  return mapping;
}

export function nodeAt(tree: Tree, path: Path): Tree | undefined {
  let node: Tree | undefined = tree;
  for (const step of path) {
    if (node?.kind === 'mapping') node = node.entries.get(String(step))?.value;
    else if (node?.kind === 'list' && typeof step === 'number') node = node.items[step];
    else return undefined;
  }
  return node;
}

/** Where the value at the path stands; when there is none, the nearest thing above it. */
export function locateValue(tree: Tree, path: Path): SourceLocation {
  return nodeAt(tree, path)?.at ?? locateKey(tree, path.slice(0, -1));
}

/** Where the key at the end of the path stands; for an item of a list and the file itself, the value. */
export function locateKey(tree: Tree, path: Path): SourceLocation {
  const parent = nodeAt(tree, path.slice(0, -1));
  const key = path.at(-1);
  if (key === undefined) return tree.at;
  const entry = parent?.kind === 'mapping' ? parent.entries.get(String(key)) : undefined;
  return entry?.keyAt ?? locateValue(tree, path);
}

/** Names a path within one set. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** Changes to a tree, all made in one pass. */
export interface Edit {
  /** What goes, by `pathKey`. */
  readonly drop: ReadonlySet<string>;
  /** Values that mappings gain, by the `pathKey` of the mapping and then by key. */
  readonly add: ReadonlyMap<string, ReadonlyMap<string, Tree>>;
}

/** @returns undefined when all of it goes. */
export function edited(tree: Tree, edit: Edit, path: Path = []): Tree | undefined {
  const here = pathKey(path);
  if (edit.drop.has(here)) return undefined;
  if (tree.kind === 'leaf') return tree;
  if (tree.kind === 'list') {
    const items = tree.items.flatMap((item, index) => edited(item, edit, [...path, index]) ?? []);
    return { ...tree, items };
  }
  const entries = new Map<string, Entry>();
  for (const [key, entry] of tree.entries) {
    const value = edited(entry.value, edit, [...path, key]);
    if (value !== undefined) entries.set(key, { ...entry, value });
  }
  for (const [key, value] of edit.add.get(here) ?? []) entries.set(key, { keyAt: value.at, value });
  return { ...tree, entries };
}
