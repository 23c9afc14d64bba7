/**
 * What makes an object ours: `external_ids` on every row, of the northbound database and of the host's Open vSwitch, an
 * alternative name on a device. All of it leads back to the resource without a state file.
 *
 * The northbound database is one for many hosts. A row says besides which chassis it stands for: a switch is there as long
 * as one of them wants it, a machine's port is of the one that runs the machine. So each host sees and takes down its own
 * share and no more. Pure.
 */
import type { Owner } from '../open-vswitch/owner.js';

export const PROVIDER = 'ovn';

export type Kind = 'switch' | 'dhcp-options' | 'guard' | 'logical-port' | 'limit' | 'port' | 'host-port';

/** `external_ids` key that names the project; the engine ovs has its own in the same database. */
export const PROJECT_KEY = 'passerelle-ovn-project';
/** `external_ids` key that names the resource, `logical-port/web1/0`. */
export const RESOURCE_KEY = 'passerelle-resource';
/** `external_ids` key on a port whose device lives in a namespace: which. */
export const NAMESPACE_KEY = 'passerelle-namespace';
/** `external_ids` keys that begin so name a chassis that the row stands for. */
const CHASSIS_KEY_PREFIX = 'passerelle-chassis-';

export function ownerOf(project: string): Owner {
  return { project, provider: PROVIDER };
}

/** `ovn/logical-port/web1/0` */
export function resourceId(kind: Kind | 'tap', name: string): string {
  return `${PROVIDER}/${kind}/${name}`;
}

/** The mark of one row. */
export function externalIds(project: string, id: string): Readonly<Record<string, string>> {
  return { [PROJECT_KEY]: project, [RESOURCE_KEY]: id.slice(PROVIDER.length + 1) };
}

/** `external_ids` key of a row that stands for this chassis. @param chassis its `system-id`. */
export function chassisKey(chassis: string): string {
  return `${CHASSIS_KEY_PREFIX}${chassis}`;
}

/** The chassis that a row stands for. */
export function chassisIn(keys: Iterable<unknown>): string[] {
  return [...keys].flatMap((key) =>
    typeof key === 'string' && key.startsWith(CHASSIS_KEY_PREFIX)
      ? [key.slice(CHASSIS_KEY_PREFIX.length)]
      : [],
  );
}

/** Name of a network's logical switch, and of what belongs to it as a whole. */
export function switchName(project: string, network: string): string {
  return `passerelle.${project}.${network}`;
}

/** Name of the logical port of a NIC, `passerelle.shop.web1.0`: the `iface-id` of its interface. */
export function nicPortName(project: string, nicId: string): string {
  return `passerelle.${project}.${nicId.replaceAll('/', '.')}`;
}

/** A network's other logical ports. */
export type NetworkPort = 'gateway' | 'server' | 'uplink';

/** Name of one in OVN. */
export function networkPortName(project: string, network: string, what: NetworkPort): string {
  return `${switchName(project, network)}.${what}`;
}

/** Name of its resource; labels hold no dots. */
export function networkPortResource(network: string, what: NetworkPort): string {
  return `${network}.${what}`;
}

/** Name of a network's port group and address set: letters, digits, `_` and `.` (ovn-nb(5)). */
export function groupName(project: string, network: string): string {
  // Labels have no underscore of their own.
  return switchName(project, network).replaceAll('-', '_');
}
