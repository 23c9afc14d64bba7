import type { SourceLocation } from './spec/source-location.js';

/** One thing that is wrong, told to the person: a stable code, what is wrong, where, and what to do. */
export interface Problem {
  /** Stable code, listed in docs/errors.md, for example `spec/unknown-key`. */
  readonly code: string;
  readonly message: string;
  /** What to write or type instead. */
  readonly fix?: string;
  readonly at?: SourceLocation;
}

/** Exit status of the command, by sysexits of our own: docs/verbs/README.md. */
export type ExitStatus = 1 | 2;

/**
 * An error meant for the person who typed the command. Everything else that is thrown is a defect of ours.
 * @property exitStatus 2 when the input is at fault and nothing was touched, 1 otherwise.
 */
export class PasserelleError extends Error {
  readonly problems: readonly Problem[];
  readonly exitStatus: ExitStatus;

  constructor(problems: Problem | readonly Problem[], exitStatus: ExitStatus = 1, options?: ErrorOptions) {
    const list = 'code' in problems ? [problems] : problems;
    super(list.map((problem) => problem.message).join('; '), options);
    this.name = 'PasserelleError';
    this.problems = list;
    this.exitStatus = exitStatus;
  }
}
