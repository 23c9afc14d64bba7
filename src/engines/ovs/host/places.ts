/** Where the devices of NICs and servers live: on the host, or in a namespace. Pure. */
import type { Resource } from '../../../plan/resource.js';
import type { Network, Nic, Topology } from '../../../topology/topology.js';
import { desireMachineNamespaces, namespaceOf } from '../../open-vswitch/inside.js';
import { ownerOf } from '../identity.js';
import { nicOptions } from '../options.js';
import { desireServer, hasServerInside } from './server.js';

/** The namespace that the NIC's device lives in; null: it is a tap on the host. */
export function namespaceOfNic(project: string, nic: Nic): string | null {
  return namespaceOf(ownerOf(project), { nic, options: nicOptions(nic) });
}

export function isInNamespace(nic: Nic): boolean {
  return nicOptions(nic).attach === 'netns';
}

/** Namespaces, the devices in them, and the ports of the servers of isolated networks. */
export function desireNamespaces(
  project: string,
  topology: Topology,
  networks: readonly Network[],
): Resource[] {
  const names = new Set(networks.map(({ name }) => name));
  const placed = topology.machines
    .flatMap((machine) => machine.nics)
    .filter(({ network }) => names.has(network))
    .map((nic) => ({ nic, options: nicOptions(nic) }));
  return [
    ...desireMachineNamespaces(ownerOf(project), placed, networks),
    ...networks.filter(hasServerInside).flatMap((network) => desireServer(project, network)),
  ];
}
