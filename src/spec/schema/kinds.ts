import { z } from 'zod';
import type { Fault, Parsed } from '../problems/fault.js';

/*
 * The kinds of value the file is made of, as zod schemas that carry their own words: the `error` of each says what it
 * takes ("true or false"), which `schema/issues.ts` turns into a problem. The description, default and example of a key
 * go into the JSON Schema, and from there into editors and docs/file.md.
 */

/** What a person should know of a key. */
interface KeyDoc {
  /** One sentence, capital letter and full stop. */
  readonly about: string;
  /** What holds when the key is left out, in words; absent on required keys. */
  readonly byDefault?: string;
  readonly example: unknown;
}

export const DEFAULT_MARK = 'Default: ';

/** Adds the documentation of a key. The schema must be the last step, `optional()` included. */
export function key<T extends z.ZodType>(schema: T, { about, byDefault, example }: KeyDoc): T {
  const description = byDefault === undefined ? about : `${about} ${DEFAULT_MARK}${byDefault}.`;
  return schema.meta({ description, examples: [example] });
}

/** A problem that a reader of text found, on its way through zod. */
export interface FaultIssue {
  readonly fault: Fault;
}

/** Text with a meaning of its own; the schema's output is what `parse` makes of it. */
export function text<T>(expected: string, parse: (text: string) => Parsed<T>, pattern?: string) {
  const input = z.string({ error: expected });
  return (pattern === undefined ? input : input.meta({ pattern })).transform((written, context): T => {
    const parsed = parse(written);
    if ('value' in parsed) return parsed.value;
    context.addIssue({
      code: 'custom',
      message: expected,
      params: { fault: parsed.fault } satisfies FaultIssue,
    });
    return z.NEVER;
  });
}

/** One of a few words. @param noun what they are; problems have the code `spec/unknown-NOUN`. */
export function choice<const T extends readonly string[]>(noun: string, words: T) {
  return z.enum(words, { error: noun });
}

export function flag() {
  return z.boolean({ error: 'true or false' });
}

export function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A mapping with these keys and no others. */
export function mapping<T extends z.ZodRawShape>(shape: T, example: string) {
  const keys = Object.keys(shape);
  // For an unknown key the message is the list of known ones, for the wrong type it says what is expected.
  const error = ({ code }: { code?: string }) =>
    code === 'unrecognized_keys' ? keys.join(' ') : `a mapping such as ${example}`;
  return z.strictObject(shape, { error });
}

export function list<T extends z.ZodType>(item: T, of: string) {
  return z.array(item, { error: `a list of ${of}` });
}

/** A mapping from names of the person's own choice. The names are checked apart, so that a bad one hides nothing. */
export function named<T extends z.ZodType>(item: T, of: string) {
  return z.record(z.string(), item, { error: `a mapping from names to ${of}` });
}

/** Any of several forms, told apart by their type. */
export function either<const T extends readonly z.ZodType[]>(expected: string, forms: T) {
  return z.union(forms, { error: expected });
}
