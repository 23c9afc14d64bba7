import type { Problem } from '../../errors.js';
import { type Draft, networkPath, nicPath } from '../draft.js';
import { nearest } from '../problems/nearest.js';
import { oneOf, quoted } from '../problems/wording.js';

/** NICs that take over settings which their network does not have. */
export function checkPortgroups(draft: Draft): Problem[] {
  return draft.nics().flatMap((nic) => {
    const name = draft.leaf(nicPath(nic, 'portgroup'));
    const network = draft.networks.get(nic.network);
    if (typeof name !== 'string' || network === undefined) return [];
    const path = networkPath(network, 'portgroups');
    if (draft.has([...path, name]) || !draft.isWhole(path)) return [];
    const known = draft.keys(path);
    const meant = nearest(name, known);
    return [
      {
        code: 'spec/unknown-portgroup',
        message: `network ${network.name} has no portgroup ${quoted(name)}`,
        fix:
          meant !== undefined
            ? `did you mean "${meant}"?`
            : known.length > 0
              ? `write ${oneOf(known)}`
              : `add \`portgroups: { ${name}: { vlan: 42 } }\` to the network`,
        at: draft.at(nicPath(nic, 'portgroup')),
      },
    ];
  });
}
