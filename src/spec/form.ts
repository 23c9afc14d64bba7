import type { Problem } from '../errors.js';
import type { Path } from './problems/wording.js';
import { file, type WrittenFile } from './schema/file.js';
import { type FormProblem, formProblems } from './schema/issues.js';
import { edited, type Edit, locateKey, pathKey, plainValue, type Tree } from './yaml/tree.js';

/** Rounds of leaving out what makes no sense; each removes at least one part, a part is at most 6 levels deep. */
const MAX_ROUNDS = 10;

/**
 * What stands in for a required key that is missing or makes no sense, so that what surrounds it is checked all the
 * same; `routed` is the mode that forbids nothing. A file with a stand-in has a problem, so none ever leaves here.
 */
const STAND_INS = new Map([
  ['project', 'project'],
  ['mode', 'routed'],
]);

export interface Form {
  readonly problems: readonly Problem[];
  readonly dropped: readonly Path[];
  /** The file without what was dropped. */
  readonly tree: Tree;
  /** Its values; absent when nothing sensible is left. */
  readonly written?: WrittenFile;
}

/**
 * Checks the form of the file, key by key. Parts that make no sense are left out and the rest is read again, until it
 * makes sense: only the first round's problems are the person's own, later ones follow from what was left out.
 */
export function readForm(original: Tree): Form {
  const problems: Problem[] = [];
  const dropped: Path[] = [];
  let tree = original;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = file.safeParse(plainValue(tree));
    if (result.success) return { problems, dropped, tree, written: result.data };
    const current = tree;
    const found = result.error.issues.flatMap((issue) => formProblems(issue, current));
    if (round === 0) problems.push(...eachOnce(found));
    dropped.push(...found.map(({ drop }) => drop));
    const rest = edited(tree, editFor(found, tree));
    if (rest === undefined) break;
    tree = rest;
  }
  return { problems, dropped, tree };
}

/** Leaves out what makes no sense, and puts in what stands for what is missing. */
function editFor(found: readonly FormProblem[], tree: Tree): Edit {
  const drop = new Set<string>();
  const add = new Map<string, Map<string, Tree>>();
  for (const problem of found) {
    const key = String(problem.missing?.at(-1));
    const value = STAND_INS.get(key);
    if (value === undefined) {
      drop.add(pathKey(problem.drop));
      continue;
    }
    const at = locateKey(tree, problem.drop);
    add.set(pathKey(problem.drop), new Map([[key, { kind: 'leaf', value, at }]]));
  }
  return { drop, add };
}

/** Without the missing keys that an unknown key was meant to be: that is one mistake, and told once. */
function eachOnce(found: readonly FormProblem[]): Problem[] {
  const meant = new Set(
    found.flatMap((problem) => (problem.meant === undefined ? [] : [pathKey(problem.meant)])),
  );
  return found.flatMap(({ problem, missing }) =>
    problem === undefined || (missing !== undefined && meant.has(pathKey(missing))) ? [] : [problem],
  );
}
