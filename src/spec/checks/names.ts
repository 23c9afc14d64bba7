import type { Problem } from '../../errors.js';
import { parseLabel } from '../text/names.js';
import { nodeAt, type Tree } from '../yaml/tree.js';

/** Names of hosts, networks and machines that are not DNS labels. */
export function nameProblems(tree: Tree): Problem[] {
  return ['hosts', 'networks', 'machines'].flatMap((kind) => {
    const named = nodeAt(tree, [kind]);
    if (named?.kind !== 'mapping') return [];
    return [...named.entries].flatMap(([name, { keyAt }]) => {
      const label = parseLabel(name);
      return 'fault' in label ? [{ ...label.fault, at: keyAt }] : [];
    });
  });
}
