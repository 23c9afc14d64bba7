import type { Network, Nic } from '../../topology/topology.js';
import type { QemuArguments } from '../contract.js';

/**
 * `-netdev vde` on a port of the network's switch. libvdeplug dials once, when QEMU starts or the NIC is plugged in, so
 * the switch stands first.
 */
export function netdevArguments(
  nic: Nic,
  network: Network,
  controlDirectory: string,
  portNumber: number,
): QemuArguments {
  const id = `psl${nic.index}`;
  const directory = controlDirectory.replaceAll(',', ',,');
  // host_mtu tells a virtio guest its MTU before DHCP does (virtio 1.2, 5.1.3 VIRTIO_NET_F_MTU).
  const isVirtio = nic.model.startsWith('virtio-net');
  const mtu = isVirtio && network.mtuBytes !== 1500 ? `,host_mtu=${network.mtuBytes}` : '';
  return [
    '-netdev',
    `vde,id=${id},sock=${directory},port=${portNumber}`,
    '-device',
    `${nic.model},netdev=${id},mac=${nic.mac}${mtu}`,
  ];
}
