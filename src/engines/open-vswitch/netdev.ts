import type { Network, Nic } from '../../topology/topology.js';
import type { QemuArguments } from '../contract.js';
import type { Datapath } from './datapath.js';

/**
 * `-netdev tap` on a tap that stands already: no script, and no privilege when the tap belongs to the user.
 *
 * The userspace datapath reads frames through a packet socket and knows nothing of the checksums that virtio leaves to
 * the host (`vnet_hdr`): pings pass and TCP hangs. So there the guest's own checksums are asked for.
 * @param idPrefix the engine's own: with another engine comes another tap of the same name, and a machine is plugged in anew
 * when what QEMU is told changes.
 * @param hasVhost whether the kernel moves the packets by itself (/dev/vhost-net).
 */
export function netdevArguments(
  nic: Nic,
  network: Network,
  datapath: Datapath,
  hasVhost: boolean,
  idPrefix: string,
): QemuArguments {
  const id = `${idPrefix}${nic.index}`;
  const isVirtio = nic.model.startsWith('virtio-net');
  const offload = datapath === 'netdev' ? ',vnet_hdr=off' : hasVhost && isVirtio ? ',vhost=on' : '';
  // host_mtu tells a virtio guest its MTU before DHCP does (virtio 1.2, 5.1.3 VIRTIO_NET_F_MTU).
  const mtu = isVirtio && network.mtuBytes !== 1500 ? `,host_mtu=${network.mtuBytes}` : '';
  return [
    '-netdev',
    `tap,id=${id},ifname=${nic.interfaceName},script=no,downscript=no${offload}`,
    '-device',
    `${nic.model},netdev=${id},mac=${nic.mac}${mtu}`,
  ];
}
