import type { Problem } from '../errors.js';
import { assemble } from './assemble.js';
import { readForm } from './form.js';
import { checkDraft } from './checks/check-draft.js';
import { nameProblems } from './checks/names.js';
import { printable } from './problems/wording.js';
import type { Spec } from './spec.js';
import type { EngineName } from './vocabulary.js';
import { positionsIn } from './yaml/positions.js';
import { readYaml } from './yaml/read-yaml.js';

/** What loading a file comes to: the specification, or everything that is wrong with the file, in its order. */
export type SpecResult = { readonly spec: Spec } | { readonly problems: readonly Problem[] };

export interface ParseOptions {
  /** The engine of every network, whatever the file says. */
  readonly engine?: EngineName;
}

/** Problems one run tells of; more than anyone reads at once. */
const MAX_PROBLEMS = 200;
/** Longest message or fix, characters. */
const MAX_TEXT_CHARS = 500;

/**
 * Reads a project from its text. Pure, and never throws.
 * @param fileName what problems call the file.
 */
export function parseSpec(text: string, fileName: string, options: ParseOptions = {}): SpecResult {
  const locate = positionsIn(text, fileName);
  const yaml = readYaml(text, locate);
  const problems: Problem[] = [...yaml.problems];
  if (yaml.tree === undefined) return { problems: inOrder(problems) };
  if (yaml.tree.kind !== 'mapping') {
    const fix = 'write `project: NAME`, `networks:` and `machines:`, each at the start of a line';
    const message = 'the file is not a mapping of keys to values';
    return {
      problems: inOrder([...problems, { code: 'spec/not-a-mapping', message, fix, at: yaml.tree.at }]),
    };
  }
  problems.push(...nameProblems(yaml.tree));
  const form = readForm(yaml.tree);
  problems.push(...form.problems);
  if (form.written === undefined) return { problems: inOrder(problems) };
  const assembled = assemble(form.written, yaml.tree, form.tree, form.dropped, options.engine);
  problems.push(...assembled.problems, ...checkDraft(assembled.draft));
  return problems.length === 0 ? { spec: assembled.draft.spec } : { problems: inOrder(problems) };
}

/** By line and column, each once, no more than a person reads. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const place = ({ at }: Problem) => (at === undefined ? 0 : at.line * 2 ** 21 + at.column);
  const unique = new Map(
    problems.map((problem) => [`${place(problem)} ${problem.code} ${problem.message}`, problem] as const),
  );
  const sorted = [...unique.values()].sort((a, b) => place(a) - place(b)).map(shown);
  if (sorted.length <= MAX_PROBLEMS) return sorted;
  const more = sorted.length - MAX_PROBLEMS;
  const last: Problem = {
    code: 'spec/more-problems',
    message: `${more} more problems follow`,
    fix: 'mend these first',
  };
  return [...sorted.slice(0, MAX_PROBLEMS), last];
}

/** Messages repeat names of the person's choice, which may hold anything and be as long as the file. */
function shown(problem: Problem): Problem {
  const clipped = (text: string) =>
    printable(text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}…` : text);
  const { message, fix } = problem;
  return { ...problem, message: clipped(message), ...(fix !== undefined && { fix: clipped(fix) }) };
}
