/**
 * Port numbers. Machines name their port on QEMU's command line, so a number must not move when something else is added
 * to the network: it comes from a hash of the resource's id. Low numbers are left to those who plug in by themselves, to
 * whom the switch gives the first free one. Pure.
 */
import { createHash } from 'node:crypto';

export const PORT_COUNT = 1_024;
const FIRST_NUMBER = 64;
const SLOTS = PORT_COUNT - FIRST_NUMBER;
/** More would be slow to place, and vde_switch is no switch for more. */
export const MAX_PORTS_PER_NETWORK = 800;

/**
 * A number for each id, each its own. Two that fall together are told apart by their order.
 * @throws RangeError for more than the switch has.
 */
export function numberPorts(ids: readonly string[]): ReadonlyMap<string, number> {
  if (ids.length > SLOTS) throw new RangeError(`${ids.length} ports on one switch`);
  const taken = new Set<number>();
  const numbers = new Map<string, number>();
  for (const id of [...ids].sort()) {
    let slot = createHash('sha256').update(id).digest().readUInt32BE(0) % SLOTS;
    while (taken.has(slot)) slot = (slot + 1) % SLOTS;
    taken.add(slot);
    numbers.set(id, FIRST_NUMBER + slot);
  }
  return numbers;
}
