/**
 * What the uplink of a bridge network needs of the host's devices, by ioctls (netdevice(7), linux/sockios.h) and /proc:
 * they see the fabric's own network namespace, whatever sysfs shows.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { Libc } from '../native/libc.js';
import { uplinkRefused } from '../ports/packet/packet-socket.js';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFINDEX = 0x8933;
const SIOCBRADDIF = 0x89a2;
const IFREQ_BYTES = 40;
const IFREQ_VALUE = 16;
const RTF_UP = 1;

/** @throws PasserelleError `fabric/uplink-refused` when there is no such device. */
export function interfaceIndexOf(libc: Libc, device: string): number {
  const { result, value } = request(libc, SIOCGIFINDEX, device, 0);
  if (result < 0) throw uplinkRefused(device, 'there is no such device');
  return value;
}

/** Whether the device is a bridge of the kernel: only those know what a port is, if not the port of no number. */
export function isBridge(libc: Libc, device: string): boolean {
  const { errorName } = request(libc, SIOCBRADDIF, device, 0);
  return errorName === 'EINVAL';
}

/** Makes a device a port of a bridge. @throws PasserelleError `fabric/uplink-refused`. */
export function joinBridge(libc: Libc, bridge: string, port: string): void {
  // Its addresses would be a way of the host's own into the network.
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${port}/disable_ipv6`, '1');
  } catch {
    // A kernel without IPv6.
  }
  const { result, errorName } = request(libc, SIOCBRADDIF, bridge, interfaceIndexOf(libc, port));
  if (result < 0) throw uplinkRefused(bridge, `the kernel takes no port into it: ${errorName}`);
}

/** The device of the IPv4 default route with the lowest metric (proc_net(5)). Pure. */
export function defaultRouteDevice(table: string): string | undefined {
  const routes = table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((fields) => fields[1] === '00000000' && fields[7] === '00000000')
    .filter((fields) => (Number.parseInt(fields[3] ?? '0', 16) & RTF_UP) !== 0)
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  return routes[0]?.[0];
}

/** @throws PasserelleError `fabric/uplink-refused` when `default` leads nowhere. */
export function resolveDevice(device: string): string {
  if (device !== 'default') return device;
  const found = defaultRouteDevice(readFileSync('/proc/self/net/route', 'utf8'));
  if (found === undefined) throw uplinkRefused('default', 'this host has no default route');
  return found;
}

interface Answer {
  readonly result: number;
  readonly value: number;
  readonly errorName: string;
}

/** struct ifreq with a number. */
function request(libc: Libc, code: number, device: string, value: number): Answer {
  const { bytes, address } = libc.allocate(IFREQ_BYTES);
  bytes.write(device, 0, IFREQ_VALUE - 1, 'latin1');
  bytes.writeInt32LE(value, IFREQ_VALUE);
  const socket = libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  const result = libc.ioctl(socket, code, address);
  const errorName = result < 0 ? getSystemErrorName(-libc.errno()) : '';
  libc.close(socket);
  return { result, value: bytes.readInt32LE(IFREQ_VALUE), errorName };
}
