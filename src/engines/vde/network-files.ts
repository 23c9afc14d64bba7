import { join } from 'node:path';
import type { Places } from '../../places.js';
import type { Nic } from '../../topology/topology.js';

/**
 * What the engine keeps of one network, in `RUN/switches/NETWORK/` (0700).
 *
 * The directory that machines plug into carries the incarnation of the switch: a QEMU whose switch has ended never gets
 * its port back (libvdeplug does not dial again), so the next switch stands under another name, and whatever still names
 * the old one shows as what it is: to be plugged again.
 */
export interface NetworkFiles {
  readonly network: string;
  readonly directory: string;
  /** NetworkRecord as JSON. */
  readonly record: string;
  readonly managementSocket: string;
  readonly switchPidFile: string;
}

export function switchesDirectory(places: Places): string {
  return join(places.runDir, 'switches');
}

export function networkFiles(places: Places, network: string): NetworkFiles {
  const directory = join(switchesDirectory(places), network);
  return {
    network,
    directory,
    record: join(directory, 'network.json'),
    managementSocket: join(directory, 'mgmt'),
    switchPidFile: join(directory, 'switch.pid'),
  };
}

/** Where others find the switch, whichever it is: a link to its control directory. */
export function stableDirectory(files: NetworkFiles): string {
  return join(files.directory, 'ctl');
}

/** What QEMU's `sock=` names. */
export function controlDirectory(files: NetworkFiles, incarnation: number): string {
  return join(files.directory, `ctl.${incarnation}`);
}

export function cablePidFile(files: NetworkFiles, cable: string): string {
  return join(files.directory, `${cable}.pid`);
}

/** Where the patch panel of the network's gateway listens. */
export function patchSocket(files: NetworkFiles): string {
  return join(files.directory, 'gateway.sock');
}

/** Where the QEMU of a NIC listens that has no VDE; its patch panel dials it. */
export function nicSocket(files: NetworkFiles, nic: Pick<Nic, 'machine' | 'index'>): string {
  return join(files.directory, `${nic.machine}-${nic.index}.sock`);
}

export function cableLog(places: Places, network: string, cable: string): string {
  return join(places.stateDir, 'logs', `vde-${network}-${cable}.log`);
}

/** sun_path of sockaddr_un less its terminating zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
/** `/.1234567-00000`: the socket that libvdeplug makes in the control directory, the longest there is. */
const LONGEST_NAME_BYTES = 15;

/** Bytes by which the sockets of a network's switch would be too long for Linux; 0: they fit. */
export function excessPathBytes(files: NetworkFiles): number {
  const longest = Buffer.byteLength(controlDirectory(files, 999)) + LONGEST_NAME_BYTES;
  return Math.max(0, longest - MAX_SOCKET_PATH_BYTES);
}
