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
  const directory = controlDirectory.replaceAll(',', ',,');
  return withDevice(nic, network, (id) => `vde,id=${id},sock=${directory},port=${portNumber}`);
}

/** For a QEMU without VDE: it listens, and a patch panel dials it, as often as it takes. */
export function streamArguments(nic: Nic, network: Network, socketPath: string): QemuArguments {
  const path = socketPath.replaceAll(',', ',,');
  return withDevice(nic, network, (id) => `stream,id=${id},server=on,addr.type=unix,addr.path=${path}`);
}

function withDevice(nic: Nic, network: Network, netdev: (id: string) => string): QemuArguments {
  const id = `psl${nic.index}`;
  // host_mtu tells a virtio guest its MTU before DHCP does (virtio 1.2, 5.1.3 VIRTIO_NET_F_MTU).
  const isVirtio = nic.model.startsWith('virtio-net');
  const mtu = isVirtio && network.mtuBytes !== 1500 ? `,host_mtu=${network.mtuBytes}` : '';
  return ['-netdev', netdev(id), '-device', `${nic.model},netdev=${id},mac=${nic.mac}${mtu}`];
}
