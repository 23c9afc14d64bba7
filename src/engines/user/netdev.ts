import { join } from 'node:path';
import type { Problem } from '../../errors.js';
import type { Places } from '../../places.js';
import type { Machine, Network, Nic, Topology } from '../../topology/topology.js';
import type { QemuArguments } from '../contract.js';
import { isTap, nicOptions } from './options.js';

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
export function netdevArguments(
  places: Places,
  nic: Nic,
  network: Network,
  machine?: Machine,
): QemuArguments {
  // A device of the kernel has no QEMU to tell.
  if (isTap(nic)) return [];
  const id = `psl${nic.index}`;
  const path = nicSocketPath(places, nic).replaceAll(',', ',,');
  // host_mtu tells a virtio guest its MTU before DHCP does (virtio 1.2, 5.1.3 VIRTIO_NET_F_MTU).
  const mtu =
    nic.model.startsWith('virtio-net') && network.mtuBytes !== 1500 ? `,host_mtu=${network.mtuBytes}` : '';
  const device = `${nic.model},netdev=${id},mac=${nic.mac}${mtu}`;
  if (nicOptions(nic).isVhostUser) return vhostUserArguments(id, path, device, nic, machine);
  return ['-netdev', `stream,id=${id},server=on,addr.type=unix,addr.path=${path}`, '-device', device];
}

/**
 * `-netdev vhost-user`, and the guest's memory in a file that can be shared, once for the machine. QEMU listens here
 * too, and waits at its start until the fabric has dialled.
 */
function vhostUserArguments(
  id: string,
  path: string,
  device: string,
  nic: Nic,
  machine: Machine | undefined,
): QemuArguments {
  const command = machine?.command ?? [];
  const first = machine?.nics.find((other) => nicOptions(other).isVhostUser);
  // The command may share its memory by itself: on huge pages, or a node each.
  const isShared = command.some((word) => word.includes('memory-backend='));
  const memory =
    isShared || first?.id !== nic.id
      ? []
      : [
          '-object',
          `memory-backend-memfd,id=psl-memory,size=${memorySizeOf(command)},share=on`,
          '-machine',
          'memory-backend=psl-memory',
        ];
  // QEMU 7.2 ends by a signal when vhost-user meets MSI-X under TCG; without vectors it does not ask for it.
  const vectors = command.some((word) => /\bkvm\b/.test(word)) ? '' : ',vectors=0';
  return [
    ...memory,
    '-chardev',
    `socket,id=${id}-vhost,path=${path},server=on,wait=off`,
    '-netdev',
    `vhost-user,id=${id},chardev=${id}-vhost`,
    '-device',
    `${device}${vectors}`,
  ];
}

/** What `-m` of a command says, for the memory must be as large; QEMU's own default where it says nothing. */
export function memorySizeOf(command: readonly string[]): string {
  const written = command[command.indexOf('-m') + 1] ?? '';
  const size = command.includes('-m')
    ? /(?:^|,|\bsize=)(\d+[bkmgtBKMGT]?)(?:,|$)/.exec(written)?.[1]
    : undefined;
  if (size === undefined) return '128M';
  return /\d$/.test(size) ? `${size}M` : size;
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
    .filter((nic) => !isTap(nic))
    .map((nic) => ({ nic, path: nicSocketPath(places, nic) }))
    .filter(({ path }) => Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    .map(({ nic, path }) => ({
      code: 'user/socket-path-too-long',
      message: `the socket of ${nic.id} would be ${path}: ${Buffer.byteLength(path)} bytes, and a unix socket's path holds ${MAX_SOCKET_PATH_BYTES}`,
      fix: 'shorten the project or machine name, or set XDG_RUNTIME_DIR to a shorter directory',
      at: nic.source,
    }));
}
