import { isDeepStrictEqual } from 'node:util';
import { orderByNeeds } from './order.js';
import type { Change, Resource } from './resource.js';

/** Whether a provider can carry these property changes out on the standing resource. */
export type UpdatesInPlace = (before: Resource, after: Resource, changed: readonly string[]) => boolean;

/**
 * The changes that lead from what is to what should be, in the order to carry them out: what goes first leaves last
 * needs first, so that names, addresses and ports are free again; then everything that comes, after what it needs.
 * Pure; an empty result means that both are the same.
 */
export function diff(
  desired: readonly Resource[],
  observed: readonly Resource[],
  updatesInPlace: UpdatesInPlace,
): Change[] {
  const standing = new Map(observed.map((resource) => [resource.id, resource]));
  const wanted = new Set(desired.map((resource) => resource.id));

  const leaving = observed.filter((resource) => !wanted.has(resource.id));
  const deletions = orderByNeeds(leaving)
    .reverse()
    .map((before): Change => ({ action: 'delete', before }));

  const changes = new Map<string, Change>();
  for (const after of desired) {
    const before = standing.get(after.id);
    if (before === undefined) {
      changes.set(after.id, { action: 'create', after });
      continue;
    }
    const changed = changedProperties(before, after);
    if (changed.length === 0) continue;
    const action = updatesInPlace(before, after, changed) ? 'update' : 'replace';
    changes.set(after.id, { action, before, after, changed });
  }
  // Most often there are none, when it is verified: then there is nothing to order.
  const arrivals = changes.size === 0 ? [] : orderByNeeds(desired).flatMap(({ id }) => changes.get(id) ?? []);
  return [...deletions, ...arrivals];
}

/** Names of the properties that differ, sorted. */
function changedProperties(before: Resource, after: Resource): string[] {
  const names = new Set([...Object.keys(before.properties), ...Object.keys(after.properties)]);
  return [...names]
    .filter((name) => {
      const [was, is] = [before.properties[name], after.properties[name]];
      // Most are text or numbers: the same at a glance.
      return was !== is && !isDeepStrictEqual(was, is);
    })
    .sort();
}
