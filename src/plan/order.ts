import type { Resource } from './resource.js';

/**
 * Resources after everything they need, and otherwise as they came; needs outside the list are taken as met.
 * Neighbours of one provider stay together, so that a provider is handed as few batches as the needs allow.
 * @throws Error when needs form a circle: a defect of an engine, never of the file.
 */
export function orderByNeeds(resources: readonly Resource[]): Resource[] {
  const byId = new Map(resources.map((resource) => [resource.id, resource]));
  const unmet = new Map<string, number>();
  const neededBy = new Map<string, string[]>();
  for (const resource of resources) {
    const inside = new Set(resource.needs.filter((id) => byId.has(id)));
    unmet.set(resource.id, inside.size);
    for (const id of inside) {
      const others = neededBy.get(id);
      if (others === undefined) neededBy.set(id, [resource.id]);
      else others.push(resource.id);
    }
  }

  const ready = new Map<string, Resource[]>();
  const enqueue = (resource: Resource): void => {
    const queue = ready.get(resource.provider);
    if (queue === undefined) ready.set(resource.provider, [resource]);
    else queue.push(resource);
  };
  for (const resource of resources) if (unmet.get(resource.id) === 0) enqueue(resource);

  const ordered: Resource[] = [];
  while (ready.size > 0) {
    const [provider, queue] = ready.entries().next().value!;
    for (const resource of queue) {
      ordered.push(resource);
      for (const id of neededBy.get(resource.id) ?? []) {
        const left = unmet.get(id)! - 1;
        unmet.set(id, left);
        const dependent = byId.get(id);
        // A dependent of the same provider joins the queue being walked; the loop reaches it in turn.
        if (left === 0 && dependent !== undefined) enqueue(dependent);
      }
    }
    ready.delete(provider);
  }
  if (ordered.length !== byId.size) throw new Error('resources need each other in a circle');
  return ordered;
}
