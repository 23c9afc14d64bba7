import { Composer, Document, isScalar, type ParsedNode, Scalar, visit, type YAMLError } from 'yaml';
import type { Problem } from '../../errors.js';
import type { Locate } from './positions.js';
import { boundedTokens, LimitExceeded } from './tokens.js';
import { buildTree } from './build-tree.js';
import type { Tree } from './tree.js';

/** Errors of the library cascade; the first few say it all. */
const MAX_SYNTAX_PROBLEMS = 20;

/** `tree` is absent when the text cannot be understood, or holds nothing. */
export interface YamlReading {
  readonly tree?: Tree;
  readonly problems: readonly Problem[];
}

/** Reads one YAML 1.2 document. Never throws, whatever the text; takes time in proportion to its length. */
export function readYaml(text: string, locate: Locate): YamlReading {
  let document: Document.Parsed;
  const { stackTraceLimit } = Error;
  // The library makes an error object for each mistake; in a megabyte of them the stack traces are most of the time.
  Error.stackTraceLimit = 0;
  try {
    const composer = new Composer({
      schema: 'core',
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
    });
    const [first, second] = firstTwo(composer.compose(boundedTokens(text), true, text.length));
    if (first === undefined) return { problems: [emptyFile(locate)] };
    if (second !== undefined) return { problems: [manyDocuments(second, locate)] };
    document = first;
  } catch (error) {
    return { problems: [beyondLimit(error, locate)] };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  const errors = [...document.errors, ...document.warnings].slice(0, MAX_SYNTAX_PROBLEMS);
  if (errors.length > 0) return { problems: errors.map((error) => syntaxProblem(error, document, locate)) };
  if (isNothing(document.contents)) return { problems: [emptyFile(locate)] };
  return buildTree(document.contents, locate);
}

function firstTwo<T>(items: Iterable<T>): T[] {
  const found: T[] = [];
  for (const item of items) {
    found.push(item);
    if (found.length === 2) break;
  }
  return found;
}

function isNothing(contents: ParsedNode | null): contents is null {
  return (
    contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? '') === '')
  );
}

function emptyFile(locate: Locate): Problem {
  return {
    code: 'spec/empty-file',
    message: 'the file is empty',
    fix: 'write `project: NAME`, `networks:` and `machines:`, or run `passerelle init`',
    at: locate(0),
  };
}

function manyDocuments(second: Document.Parsed, locate: Locate): Problem {
  return {
    code: 'spec/many-documents',
    message: 'the file holds more than one YAML document',
    fix: 'write one project a file: remove what follows, and the `---` line',
    at: locate(second.range[0]),
  };
}

function beyondLimit(error: unknown, locate: Locate): Problem {
  if (!(error instanceof LimitExceeded)) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      code: 'spec/not-yaml',
      message: `not YAML: ${reason}`,
      fix: 'check the indentation',
      at: locate(0),
    };
  }
  const at = locate(error.offset);
  switch (error.limit) {
    case 'depth':
      return {
        code: 'spec/nested-too-deep',
        message: 'nested too deeply',
        fix: 'the file format needs 6 levels',
        at,
      };
    case 'aliases': {
      const fix = 'write the values out, or split the project';
      return { code: 'spec/too-many-aliases', message: 'the file holds more than 10000 aliases', fix, at };
    }
    case 'errors':
      return { code: 'spec/not-yaml', message: 'not YAML', fix: 'name a file that holds YAML text', at };
  }
}

function syntaxProblem(error: YAMLError, document: Document.Parsed, locate: Locate): Problem {
  const at = locate(error.pos[0]);
  if (error.code === 'TAB_AS_INDENT') {
    const fix = 'indent with spaces';
    return {
      code: 'spec/tab-indentation',
      message: 'a tab indents this line, YAML does not allow it',
      fix,
      at,
    };
  }
  if (error.code === 'TAG_RESOLVE_FAILED') {
    return {
      code: 'spec/bad-tag',
      message: 'YAML tags have no meaning in this file',
      fix: 'remove the tag',
      at,
    };
  }
  const quote = error.code === 'MISSING_CHAR' ? openQuoteBefore(error.pos[0], document) : undefined;
  if (quote !== undefined) {
    const fix = 'close it, or write the value without quotes';
    return { code: 'spec/not-yaml', message: 'not YAML: this quote is never closed', fix, at: locate(quote) };
  }
  const reason = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return {
    code: 'spec/not-yaml',
    message: `not YAML: ${reason}`,
    fix: 'check the indentation here, and put values with `: ` or ` #` in quotes',
    at,
  };
}

/** Offset of the quote that opens the text which runs until an error, since the error itself stands at its end. */
function openQuoteBefore(end: number, document: Document.Parsed): number | undefined {
  let start: number | undefined;
  visit(document, {
    Scalar(_, node) {
      const isQuoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE;
      if (isQuoted && node.range && node.range[0] < end && node.range[2] >= end - 1) start = node.range[0];
    },
  });
  return start;
}
