/** Settings that NICs share. They are resolved before anything else looks at a NIC, so that no engine knows of groups. Pure. */
import type { WrittenNetwork } from './schema/network.js';
import type { WrittenNic } from './schema/nic.js';
import type { WrittenPortgroup } from './schema/portgroup.js';

/** The group that the NIC takes over; `undefined` where it names none, or one that is not there. */
export function portgroupOf(
  { portgroup }: WrittenNic,
  network: WrittenNetwork | undefined,
): WrittenPortgroup | undefined {
  const groups = network?.portgroups;
  return portgroup !== undefined && groups !== undefined && Object.hasOwn(groups, portgroup)
    ? groups[portgroup]
    : undefined;
}

/** The NIC with what its group says beside it: its own keys have the last word. */
export function withPortgroup(nic: WrittenNic, group: WrittenPortgroup): WrittenNic {
  return { ...group, ...nic };
}
