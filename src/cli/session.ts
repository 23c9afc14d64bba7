import type { Screen } from './output/style.js';

/** What every verb is given: where to write, how, and when to stop. */
export interface Session {
  /** Results: tables, plans, JSON. */
  readonly out: Screen;
  /** Progress, notes and problems. */
  readonly notes: Screen;
  readonly format: 'table' | 'json';
  readonly environment: NodeJS.ProcessEnv;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Options that every verb takes. */
export interface CommonOptions {
  readonly file: string;
  readonly format: 'table' | 'json';
  readonly engine?: string;
  /** Which of the file's hosts this is. */
  readonly host?: string;
}

/** Exit status of `plan` when something is to be done, as diff(1) has 1 for differences. */
export const EXIT_CHANGES = 3;

export function writeJson(session: Session, value: unknown): void {
  session.out.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
