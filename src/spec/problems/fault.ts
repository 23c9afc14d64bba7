import type { Problem } from '../../errors.js';

/** A problem that does not know yet where it stands in the file. */
export type Fault = Omit<Problem, 'at'>;

/** What a pure reader of one piece of text returns: what it means, or what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly fault: Fault };
