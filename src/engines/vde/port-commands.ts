/** Ports of a switch as they are to be, by as few commands as that takes. VLANs come and go with the ports in them. */
import { NO_VLAN, type SwitchControl } from '../../clients/vde/switch-control.js';
import type { SwitchPort } from '../../clients/vde/tables.js';
import type { PortProperties } from './resources.js';

/**
 * Makes the port with its VLANs. Nobody passes through it before it has them.
 * @param staysPlugged who is in it already may stay: a machine that found its port by its number.
 */
export async function makePort(
  control: SwitchControl,
  wanted: PortProperties,
  staysPlugged: boolean,
): Promise<void> {
  const standing = await control.port(wanted.number);
  if (standing === undefined) await control.createPort(wanted.number);
  else if (!staysPlugged) await unplugAll(control, standing);
  await applyMembership(control, wanted);
}

export async function applyMembership(control: SwitchControl, wanted: PortProperties): Promise<void> {
  const { number, untaggedVlan, taggedVlans } = wanted;
  const vlans = await control.vlans();
  for (const vlan of new Set([untaggedVlan, ...taggedVlans])) {
    if (vlan !== NO_VLAN && !vlans.has(vlan)) await control.createVlan(vlan);
  }
  const port = await control.port(number);
  if (port !== undefined && port.untaggedVlan !== untaggedVlan) {
    await control.setUntaggedVlan(number, untaggedVlan);
  }
  const isTagged = (vlan: number): boolean => vlans.get(vlan)?.has(number) === true;
  for (const vlan of taggedVlans.filter((one) => !isTagged(one))) await control.addTaggedVlan(number, vlan);
  for (const vlan of [...vlans.keys()].filter(isTagged)) {
    if (!taggedVlans.includes(vlan) && vlan !== untaggedVlan) await control.removeTaggedVlan(number, vlan);
  }
}

/** Unplugs whoever is in the port and removes it. One that is not there is fine. */
export async function removePort(control: SwitchControl, number: number): Promise<void> {
  const port = await control.port(number);
  if (port === undefined) return;
  await unplugAll(control, port);
  await control.removePort(number);
}

/** Removes the VLANs that no port is in. */
export async function pruneVlans(control: SwitchControl): Promise<void> {
  const vlans = await control.vlans();
  if (vlans.size <= 1) return;
  const used = new Set((await control.ports()).map(({ untaggedVlan }) => untaggedVlan));
  for (const [vlan, tagged] of vlans) {
    if (vlan !== 0 && tagged.size === 0 && !used.has(vlan)) await control.removeVlan(vlan);
  }
}

async function unplugAll(control: SwitchControl, port: SwitchPort): Promise<void> {
  for (const { id } of port.endpoints) await control.closeEndpoint(port.number, id);
}
