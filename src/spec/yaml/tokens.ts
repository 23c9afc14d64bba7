import { type CST, Lexer, Parser } from 'yaml';

/*
 * Limits that hold before the YAML library builds anything from the text. Its composer recurses, and on input that is
 * nested thousands of levels deep it takes the whole process down (V8 runs out of memory compiling a regular expression
 * at the end of the stack), which no `catch` sees. Its parser keeps a stack of its own, whose size is the depth.
 */

/** Nested mappings and lists; the file format itself needs 6. Each is up to two entries of the parser's stack. */
const MAX_STACK_SIZE = 64;
/** Places that refer to an anchor; what they stand for is counted when the tree is built. */
const MAX_ALIASES = 10_000;
const MAX_PARSER_ERRORS = 20;

/** The text goes beyond a limit at this offset; thrown through the composer that pulls the tokens. */
export class LimitExceeded extends Error {
  constructor(
    readonly limit: 'depth' | 'aliases' | 'errors',
    readonly offset: number,
  ) {
    super(`YAML beyond the limit of ${limit}`);
  }
}

/** Tokens of the text. @throws LimitExceeded */
export function* boundedTokens(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  let aliases = 0;
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error' && (errors += 1) > MAX_PARSER_ERRORS)
        throw new LimitExceeded('errors', offset);
      yield token;
    }
    if (parser.stack.length > MAX_STACK_SIZE) throw new LimitExceeded('depth', offset);
    if (lexeme.startsWith('*') && (aliases += 1) > MAX_ALIASES) throw new LimitExceeded('aliases', offset);
  }
  yield* parser.end();
}
