import type { SourceLocation } from '../spec/source-location.js';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One thing that a provider keeps in the world: a bridge, a tap, a switch port, a listening socket, a process. */
export interface Resource {
  /** Unique in the project and stable: `PROVIDER/KIND/NAME`, for example `user/port/web1/0`. */
  readonly id: string;
  /** Who keeps it: an engine's name, or `machines`. */
  readonly provider: string;
  readonly kind: string;
  /** Everything that makes it what it is; two resources are the same when these are. */
  readonly properties: Readonly<Record<string, Json>>;
  /** Ids of the resources that must stand before this one. */
  readonly needs: readonly string[];
  /** Why it is wanted, in words: `port 0 of web1 on network web`. Absent on what was observed. */
  readonly reason?: string;
  /** The line that asked for it. Absent on what was observed. */
  readonly source?: SourceLocation;
  /** Machines that feel it when this changes. */
  readonly affects: readonly string[];
}

export type Change =
  | { readonly action: 'create'; readonly after: Resource }
  | {
      readonly action: 'update';
      readonly before: Resource;
      readonly after: Resource;
      readonly changed: readonly string[];
    }
  | {
      readonly action: 'replace';
      readonly before: Resource;
      readonly after: Resource;
      readonly changed: readonly string[];
    }
  | { readonly action: 'delete'; readonly before: Resource };

/** What a machine feels when a change is carried out, mildest first. */
export const IMPACTS = ['none', 'live', 'brief-loss', 're-plug', 'restart', 'stop'] as const;
export type Impact = (typeof IMPACTS)[number];

/** The resource a change is about: as it will be, or as it was when it goes. */
export function subjectOf(change: Change): Resource {
  return change.action === 'delete' ? change.before : change.after;
}
