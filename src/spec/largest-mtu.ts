/**
 * `mtu: largest`: the largest packet that every port of a network carries as it comes. A virtio NIC is told its MTU by
 * QEMU before anything else (`host_mtu`), and a device of ours has it set; the drivers of other models begin with 1500 and
 * drop what is longer, whatever DHCP says later. A tunnel, a NIC of the host and a VDE socket carry what they carry.
 */
import { ETHERNET_MTU_BYTES } from './mode-defaults.js';
import type { WrittenFile } from './schema/file.js';
import type { WrittenNetwork } from './schema/network.js';
import type { WrittenNic } from './schema/nic.js';

/** What a tap and QEMU both carry. */
const MAX_MTU_BYTES = 65_520;

/** @param tunnelBytes what is left in the network's tunnels, where it has any. */
export function largestMtuBytes(
  name: string,
  network: WrittenNetwork,
  { machines = {} }: WrittenFile,
  tunnelBytes: number | undefined,
): number {
  if (tunnelBytes !== undefined) return tunnelBytes;
  const nics = Object.values(machines)
    .flatMap((machine) => machine.nics ?? [])
    .filter((nic) => nic.network === name);
  const isWide = network.mode !== 'bridge' && network.vde !== true && nics.every(isWideNic);
  return isWide ? MAX_MTU_BYTES : ETHERNET_MTU_BYTES;
}

function isWideNic({ model, attach }: WrittenNic): boolean {
  if (attach === 'macvtap') return false;
  return attach === 'netns' || model === undefined || model.startsWith('virtio-net');
}
