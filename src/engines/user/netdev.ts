import { join } from 'node:path';
import type { Problem } from '../../errors.js';
import type { Places } from '../../places.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import type { QemuArguments } from '../contract.js';

/** sun_path of sockaddr_un less its terminating zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/** The socket on which QEMU listens and which the fabric dials. */
export function nicSocketPath(places: Places, nic: Nic): string {
  return join(places.runDir, 'nics', `${nic.machine}-${nic.index}.sock`);
}

/**
 * `-netdev stream` as every QEMU from 7.2 knows it. QEMU listens (`server=on`), since only the listening side gets its
 * peer back on every version: the fabric may be restarted under a running machine.
 */
export function netdevArguments(places: Places, nic: Nic, network: Network): QemuArguments {
  const id = `psl${nic.index}`;
  const path = nicSocketPath(places, nic).replaceAll(',', ',,');
  // host_mtu tells a virtio guest its MTU before DHCP does (virtio 1.2, 5.1.3 VIRTIO_NET_F_MTU).
  const mtu =
    nic.model.startsWith('virtio-net') && network.mtuBytes !== 1500 ? `,host_mtu=${network.mtuBytes}` : '';
  return [
    '-netdev',
    `stream,id=${id},server=on,addr.type=unix,addr.path=${path}`,
    '-device',
    `${nic.model},netdev=${id},mac=${nic.mac}${mtu}`,
  ];
}

/** The directory that VDE programs plug into; undefined where the network does not offer it. */
export function vdeDirectory(places: Places, network: Network): string | undefined {
  return network.options['vde'] === true ? join(places.runDir, 'vde', network.name) : undefined;
}

/** What stands in it at most: the data socket of the 9999th client. */
const LONGEST_VDE_SOCKET = '9999/fd999';

export function checkSocketPaths(places: Places, topology: Topology): Problem[] {
  return [...nicPathProblems(places, topology), ...vdePathProblems(places, topology)];
}

function vdePathProblems(places: Places, topology: Topology): Problem[] {
  return topology.networks
    .filter(({ engine }) => engine === 'user')
    .flatMap((network) => {
      const directory = vdeDirectory(places, network);
      if (directory === undefined) return [];
      const excess = Buffer.byteLength(join(directory, LONGEST_VDE_SOCKET)) - MAX_SOCKET_PATH_BYTES;
      if (excess <= 0) return [];
      return [
        {
          code: 'user/socket-path-too-long',
          message: `the VDE sockets of network ${network.name} would be ${excess} bytes too long for a unix socket's path`,
          fix: 'shorten the project or network name, or set XDG_RUNTIME_DIR to a shorter directory',
          at: network.source,
        },
      ];
    });
}

function nicPathProblems(places: Places, topology: Topology): Problem[] {
  return topology.machines
    .flatMap((machine) => machine.nics)
    .map((nic) => ({ nic, path: nicSocketPath(places, nic) }))
    .filter(({ path }) => Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    .map(({ nic, path }) => ({
      code: 'user/socket-path-too-long',
      message: `the socket of ${nic.id} would be ${path}: ${Buffer.byteLength(path)} bytes, and a unix socket's path holds ${MAX_SOCKET_PATH_BYTES}`,
      fix: 'shorten the project or machine name, or set XDG_RUNTIME_DIR to a shorter directory',
      at: nic.source,
    }));
}
