import type { Network, Nic } from '../../topology/topology.js';
import type { QemuArguments } from '../contract.js';
import { macvtapDescriptor } from './macvtap.js';
import { nicOptions } from './options.js';

/**
 * `-netdev tap` on a tap that stands already: no script, and no privilege when the tap belongs to the user.
 * @param hasVhost whether the kernel moves the packets by itself (/dev/vhost-net).
 */
export function netdevArguments(nic: Nic, network: Network, hasVhost: boolean): QemuArguments {
  const id = `psl${nic.index}`;
  const { queues, attach } = nicOptions(nic);
  // A namespace has no QEMU to tell.
  if (attach === 'netns') return [];
  if (attach === 'macvtap') {
    const netdev = `tap,id=${id},fd=${macvtapDescriptor(nic)}`;
    return ['-netdev', netdev, '-device', `${nic.model},netdev=${id},mac=${nic.mac}`];
  }
  const isVirtio = nic.model.startsWith('virtio-net');
  const vhost = hasVhost && isVirtio ? ',vhost=on' : '';
  const manyQueues = queues > 1 ? `,queues=${queues}` : '';
  // host_mtu tells a virtio guest its MTU before DHCP does (virtio 1.2, 5.1.3 VIRTIO_NET_F_MTU).
  const mtu = isVirtio && network.mtuBytes !== 1500 ? `,host_mtu=${network.mtuBytes}` : '';
  // Two vectors a pair of queues, one for configuration, one for control (virtio 1.2, 5.1.2).
  const vectors = isVirtio && queues > 1 ? `,mq=on,vectors=${2 * queues + 2}` : '';
  return [
    '-netdev',
    `tap,id=${id},ifname=${nic.interfaceName},script=no,downscript=no${vhost}${manyQueues}`,
    '-device',
    `${nic.model},netdev=${id},mac=${nic.mac}${mtu}${vectors}`,
  ];
}
