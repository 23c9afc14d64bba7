import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Problem } from '../../errors.js';
import { quoted } from '../problems/wording.js';
import type { SourceLocation } from '../source-location.js';
import type { Locate } from './positions.js';
import type { Entry, Mapping, Tree } from './tree.js';

/** Values that aliases may add to a file, so that no small file becomes a large one ("billion laughs"). */
const MAX_ALIASED_VALUES = 10_000;
const MERGE_KEY = '<<';

/** Aliases, merge keys and anchors become plain values, each located where it was written. */
export function buildTree(contents: Node, locate: Locate): { tree?: Tree; problems: Problem[] } {
  const builder = new TreeBuilder(locate);
  try {
    const tree = builder.tree(contents, locate(0));
    return { tree, problems: builder.problems };
  } catch (error) {
    if (error instanceof TooManyAliases) return { problems: [...builder.problems, error.problem] };
    throw error;
  }
}

type MappingContent = { readonly entries: Map<string, Entry> } & Pick<Mapping, 'isPartial'>;

class TooManyAliases extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

class TreeBuilder {
  readonly problems: Problem[] = [];
  /** Anchors whose value is complete; one that is being built cannot be referred to, so nothing is circular. */
  private readonly anchors = new Map<string, Node>();
  /** What each alias stood for when it was first met: a later anchor of the same name does not change it. */
  private readonly targets = new Map<Node, Node | undefined>();
  private aliasDepth = 0;
  private aliasedValues = 0;

  constructor(private readonly locate: Locate) {}

  /** @param emptyAt where a value stands that was left out. */
  tree(node: Node | null | undefined, emptyAt: SourceLocation): Tree {
    if (isAlias(node)) return this.followed(node, (target, at) => this.tree(target, at)) ?? lost(emptyAt);
    const at = node?.range && !isLeftOut(node) ? this.locate(node.range[0]) : emptyAt;
    if (this.aliasDepth > 0) this.countAliased(at);
    let tree: Tree;
    if (isMap(node)) tree = { kind: 'mapping', ...this.entries(node), at };
    else if (isSeq(node))
      tree = { kind: 'list', items: node.items.map((item) => this.tree(item as Node, at)), at };
    else tree = { kind: 'leaf', value: leafValue(node), at };
    if (
      this.aliasDepth === 0 &&
      (isMap(node) || isSeq(node) || isScalar(node)) &&
      node.anchor !== undefined
    ) {
      this.anchors.set(node.anchor, node);
    }
    return tree;
  }

  private entries(map: YAMLMap): MappingContent {
    const entries = new Map<string, Entry>();
    const merges: Pair[] = [];
    let isWhole = true;
    for (const pair of map.items) {
      const name = keyText(pair.key);
      const keyAt = this.locate((pair.key as Node | null)?.range?.[0] ?? map.range?.[0] ?? 0);
      if (name === undefined) {
        const fix = 'write text before the colon; put a value that begins with [ or { in quotes';
        this.problems.push({ code: 'spec/bad-key', message: 'this key is not text', fix, at: keyAt });
        isWhole = false;
        continue;
      }
      if (name === MERGE_KEY) {
        merges.push(pair);
        continue;
      }
      const value = this.tree(pair.value as Node | null, keyAt);
      const earlier = entries.get(name);
      if (earlier === undefined) {
        entries.set(name, { keyAt, value });
      } else {
        this.problems.push({
          code: 'spec/duplicate-key',
          message: `the key ${quoted(name)} stands twice in one mapping, first on line ${earlier.keyAt.line}`,
          fix: 'remove one of them, or rename it',
          at: keyAt,
        });
      }
    }
    for (const pair of merges) if (!this.merge(pair.value as Node | null, entries)) isWhole = false;
    return { entries, ...(!isWhole && { isPartial: true }) };
  }

  /** `<<: *base` or `<<: [*base, *other]`: keys that are there already stay as they are. @returns whether all of it was read. */
  private merge(node: Node | null, into: Map<string, Entry>): boolean {
    if (isSeq(node)) return node.items.map((item) => this.merge(item as Node, into)).every(Boolean);
    if (isAlias(node)) return this.followed(node, (target) => this.merge(target, into)) ?? false;
    if (isMap(node)) {
      const { entries, isPartial } = this.entries(node);
      for (const [key, entry] of entries) if (!into.has(key)) into.set(key, entry);
      return isPartial !== true;
    }
    this.problems.push({
      code: 'spec/bad-merge',
      message: 'the merge key << takes mappings only',
      fix: 'write <<: *NAME, where &NAME stands before a mapping',
      at: this.locate(node?.range?.[0] ?? 0),
    });
    return false;
  }

  private followed<T>(
    alias: Node & { source: string },
    visit: (target: Node, at: SourceLocation) => T,
  ): T | undefined {
    const at = this.locate(alias.range?.[0] ?? 0);
    if (!this.targets.has(alias)) this.targets.set(alias, this.anchors.get(alias.source));
    const target = this.targets.get(alias);
    if (target === undefined) {
      const name = alias.source.slice(0, 60);
      const message = `the alias *${name} stands for nothing`;
      const fix = `write &${name} before a value further up`;
      this.problems.push({ code: 'spec/unknown-alias', message, fix, at });
      return undefined;
    }
    this.countAliased(at);
    this.aliasDepth += 1;
    const result = visit(target, at);
    this.aliasDepth -= 1;
    return result;
  }

  private countAliased(at: SourceLocation): void {
    this.aliasedValues += 1;
    if (this.aliasedValues <= MAX_ALIASED_VALUES) return;
    throw new TooManyAliases({
      code: 'spec/too-many-aliases',
      message: `the aliases of the file stand for more than ${MAX_ALIASED_VALUES} values`,
      fix: 'write the values out, or split the project',
      at,
    });
  }
}

function lost(at: SourceLocation): Tree {
  return { kind: 'leaf', value: null, at, isLost: true };
}

function isLeftOut(node: Node): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === '';
}

function leafValue(node: unknown): string | number | boolean | null {
  const value: unknown = isScalar(node) ? node.value : null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'bigint' ? String(value) : null;
}

/** The key as it was written, so that `1:` and `true:` are names like any other. */
function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? undefined);
}
