import { type FamilyKey, type FamilyNumber, familyKey } from './address/families.js';
import type { ForwardTarget } from './schema/forward.js';
import type { MachineSpec, NetworkSpec, NicSpec } from './spec.js';

/** Why no NIC of a machine can take a forward. */
export type Unreachable = 'no-such-nic' | 'isolated' | 'no-address';

type NetworkOf = (name: string) => NetworkSpec | undefined;

function takesForwards(network: NetworkSpec | undefined, family: FamilyKey): boolean {
  return (network?.mode === 'nat' || network?.mode === 'routed') && network[family] !== 'none';
}

/**
 * The NIC that a target of a forward is: the one that the file names, or the first of the machine on a nat or routed
 * network with addresses of the family that the forward listens on.
 */
export function forwardNic(
  target: ForwardTarget,
  listenFamily: FamilyNumber,
  machine: MachineSpec,
  networkOf: NetworkOf,
): { readonly nic: NicSpec } | { readonly unreachable: Unreachable } {
  const { nic: index } = target;
  const candidates = index === undefined ? machine.nics : machine.nics.slice(index, index + 1);
  if (index !== undefined && candidates.length === 0) return { unreachable: 'no-such-nic' };
  const family = familyKey(listenFamily);
  const nic = candidates.find((candidate) => takesForwards(networkOf(candidate.network), family));
  if (nic !== undefined) return { nic };
  const isIsolated = candidates.some((candidate) => networkOf(candidate.network)?.mode === 'isolated');
  const hasOthers = candidates.some((candidate) => networkOf(candidate.network)?.mode !== 'isolated');
  return { unreachable: isIsolated && !hasOthers ? 'isolated' : 'no-address' };
}
