import type { Problem } from '../../errors.js';
import { type Cidr, formatCidr } from '../../wire/cidr.js';
import type { FamilyKey } from '../address/families.js';
import { wholeRange } from '../address/ranges.js';
import { type Draft, networkPath } from '../draft.js';
import type { NetworkSpec } from '../spec.js';

/** Subnets of two networks of the file that overlap. */
export function checkOverlaps(draft: Draft): Problem[] {
  return [...overlapsOf('ipv4', draft), ...overlapsOf('ipv6', draft)];
}

function overlapsOf(family: FamilyKey, draft: Draft): Problem[] {
  const fixed = draft.spec.networks.flatMap((network, order) => {
    const wish = network[family];
    return typeof wish === 'string'
      ? []
      : [{ network, order, subnet: wish.subnet, ...wholeRange(wish.subnet) }];
  });
  // By first address, the larger of two first: whatever overlaps an earlier one overlaps the one that reaches furthest.
  fixed.sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last) || a.order - b.order);
  let widest: (typeof fixed)[number] | undefined;
  const problems: Problem[] = [];
  for (const current of fixed) {
    if (widest !== undefined && current.first <= widest.last) {
      const [earlier, later] = current.order > widest.order ? [widest, current] : [current, widest];
      problems.push(overlap(family, earlier, later, draft));
    }
    if (widest === undefined || current.last > widest.last) widest = current;
  }
  return problems;
}

interface Placed {
  readonly network: NetworkSpec;
  readonly subnet: Cidr;
}

function overlap(family: FamilyKey, earlier: Placed, later: Placed, draft: Draft): Problem {
  const { name, source } = earlier.network;
  return {
    code: 'spec/subnets-overlap',
    message: `${formatCidr(later.subnet)} of network ${later.network.name} overlaps ${formatCidr(earlier.subnet)} of network ${name} (line ${source.line})`,
    fix: `choose another subnet for one of them, or write ${family}: auto`,
    at: draft.at(networkPath(later.network, family)),
  };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
