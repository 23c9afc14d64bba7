/** Topologies of this engine, written short. */
import type { Topology } from '../../../src/topology/topology.js';
import {
  type ForwardWish,
  type NetworkWish,
  type NicWish,
  topologyOf as onLinux,
} from '../linux/topologies.js';

export type MachineWishes = Readonly<Record<string, readonly NicWish[]>>;

export function topologyOf(
  networks: readonly (Omit<NetworkWish, 'mode'> & { readonly mode?: NetworkWish['mode'] })[],
  machines: MachineWishes,
  forwards: readonly ForwardWish[] = [],
): Topology {
  const wishes = networks.map((network): NetworkWish => ({ mode: 'isolated', ...network }));
  const plain = Object.entries(machines).map(([name, nics]) => [
    name,
    nics.map((nic) => ({ options: {}, ...nic })),
  ]);
  const topology = onLinux('lab', wishes, Object.fromEntries(plain) as MachineWishes, forwards);
  return { ...topology, networks: topology.networks.map((network) => ({ ...network, engine: 'vde' })) };
}
