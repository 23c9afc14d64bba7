import type { Change, Impact, Resource } from './resource.js';

/**
 * Something that keeps resources in the world. `plan` and `apply` know nothing else of engines and machines.
 * Only `observe` and `execute` touch anything.
 */
export interface ResourceProvider {
  readonly name: string;
  /** What stands now and carries our mark, read from the data plane itself. */
  observe(signal: AbortSignal): Promise<Resource[]>;
  /**
   * Carries out changes in the given order, as one transaction where the data plane has one.
   * @throws PasserelleError when the world refuses; what was done by then is found by the next `observe`.
   */
  execute(changes: readonly Change[], signal: AbortSignal): Promise<void>;
  /** Whether a change of these properties can be made in place; otherwise the resource is replaced. */
  updatesInPlace(before: Resource, after: Resource, changed: readonly string[]): boolean;
  impactOf(change: Change): Impact;
  /** Called when nothing is to stand any more: removes the files of processes that were killed and could not. */
  sweep?(signal: AbortSignal): Promise<void>;
  /** The commands a person would type for the change, for `plan --commands`. */
  commandsFor(change: Change): readonly string[];
}
