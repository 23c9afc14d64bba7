import type { z } from 'zod';
import type { Problem } from '../../errors.js';
import { nearest } from '../problems/nearest.js';
import { oneOf, type Path, pathText, quoted } from '../problems/wording.js';
import { locateKey, locateValue, nodeAt, type Tree } from '../yaml/tree.js';
import type { FaultIssue } from './kinds.js';

type Issue = z.core.$ZodIssue;

/** A problem of the file's form, and the part to leave out so that the rest can still be checked. */
export interface FormProblem {
  /** Absent when it has been told already, by whoever read the YAML. */
  readonly problem?: Problem;
  readonly drop: Path;
  /** The key that is missing, and the key that an unknown one was meant to be; the same mistake when they are equal. */
  readonly missing?: Path;
  readonly meant?: Path;
}

/** @param base where in the tree the issue's own path begins. */
export function formProblems(issue: Issue, tree: Tree, base: Path = []): FormProblem[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  const node = nodeAt(tree, path);
  if (node === undefined) return [missingKey(path, issue.message, tree)];
  if (node.kind === 'leaf' && node.isLost) return [{ drop: path }];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key, issue.message.split(' '), tree));
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((issues) => !issues.some(rejectsType));
    if (branch !== undefined) return branch.flatMap((inner) => formProblems(inner, tree, path));
  }
  const at = locateValue(tree, path);
  if (issue.code === 'custom') {
    const { fault } = issue.params as unknown as FaultIssue;
    return [{ problem: { ...fault, message: `${pathText(path)}: ${fault.message}`, at }, drop: path }];
  }
  if (issue.code === 'invalid_value' && issue.values.length > 1) {
    return [
      { problem: { ...unknownWord(path, node, issue.message, issue.values.map(String)), at }, drop: path },
    ];
  }
  const outOfRange = issue.code === 'too_small' || issue.code === 'too_big';
  return [
    {
      problem: {
        code: outOfRange ? 'spec/out-of-range' : 'spec/wrong-type',
        message: `${pathText(path) || 'the file'} ${describe(node)}`,
        fix: fixForType(path, node, issue),
        at,
      },
      drop: path,
    },
  ];
}

/** A branch of a union that is not meant for this kind of value at all. */
function rejectsType(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function missingKey(path: Path, expected: string, tree: Tree): FormProblem {
  const parent = path.slice(0, -1);
  const owner = pathText(parent) || 'the file';
  const key = String(path.at(-1));
  const article = key === expected ? '' : `, ${expected}`;
  const owning = nodeAt(tree, parent);
  if (owning?.kind === 'mapping' && owning.isPartial) return { drop: parent, missing: path };
  return {
    problem: {
      code: 'spec/missing-key',
      message: `${owner} needs the key "${key}"`,
      fix: `add \`${key}: …\`${article}`,
      at: locateKey(tree, parent),
    },
    drop: parent,
    missing: path,
  };
}

function unknownKey(parent: Path, key: string, known: readonly string[], tree: Tree): FormProblem {
  const present = nodeAt(tree, parent);
  const free = known.filter((name) => present?.kind !== 'mapping' || !present.entries.has(name));
  const meant = nearest(key, free);
  return {
    problem: {
      code: 'spec/unknown-key',
      message: `unknown key ${quoted(key)} in ${pathText(parent) || 'the file'}`,
      fix: meant === undefined ? `the keys here are ${oneOf(known)}` : `did you mean "${meant}"?`,
      at: locateKey(tree, [...parent, key]),
    },
    drop: [...parent, key],
    ...(meant !== undefined && { meant: [...parent, meant] }),
  };
}

function unknownWord(path: Path, node: Tree, noun: string, words: readonly string[]) {
  const meant = node.kind === 'leaf' ? nearest(String(node.value), words) : undefined;
  const written =
    node.kind === 'leaf' && node.value !== null
      ? quoted(String(node.value))
      : `${pathText(path)} ${describe(node)}`;
  return {
    code: `spec/unknown-${noun}`,
    message: node.kind === 'leaf' && node.value !== null ? `unknown ${noun} ${written}` : written,
    fix: meant === undefined ? `write ${oneOf(words)}` : `did you mean "${meant}"?`,
  };
}

/** Numbers and words that YAML reads as something else than text only want quotes. */
function fixForType(path: Path, node: Tree, issue: Issue): string {
  const isText = issue.code === 'invalid_type' && issue.expected === 'string';
  const wantsQuotes = isText && node.kind === 'leaf' && node.value !== null;
  const key = path.at(-1);
  const label = typeof key === 'string' ? `${key}: ` : '';
  return wantsQuotes ? `write ${label}"${String(node.value)}"` : `write ${issue.message}`;
}

function describe(node: Tree): string {
  if (node.kind === 'list') return 'is a list';
  if (node.kind === 'mapping') return 'is a mapping';
  if (node.value === null) return 'is empty';
  if (typeof node.value === 'string') return `is the text ${quoted(node.value)}`;
  return typeof node.value === 'number' ? `is the number ${node.value}` : `is ${node.value}`;
}
