/**
 * The other way to the LAN: a device of its own on the uplink, which stays as it is (macvtap, mode bridge). Machines of
 * one uplink reach each other and the LAN, and the host does not reach them nor they it: the kernel sends nothing back up
 * the NIC it came from. QEMU opens the device as a file, whose descriptor it is given. The kernel's own /dev/tapN goes by
 * a number that every restart changes, so the same device has a node with a name, below /dev/passerelle.
 */
import { type Run, shellWord } from '../../clients/command/run.js';
import type { Link } from '../../clients/iproute/links.js';
import { type Route, readRoutes } from '../../clients/iproute/routes.js';
import { PasserelleError } from '../../errors.js';
import { type Change, type Json, type Resource, subjectOf } from '../../plan/resource.js';
import type { Network, Nic } from '../../topology/topology.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { formatMark } from './marks.js';
import { nicOptions } from './options.js';
import { noUplink, resolveUplink } from './uplink/uplink-resource.js';

export const MACVTAP_KIND = 'macvtap';
const DIRECTORY = '/dev/passerelle';

interface Macvtap {
  readonly device: string;
  readonly network: string;
  /** As the file says it: a NIC of the host, or `default`. */
  readonly uplink: string;
  readonly mac: string;
  readonly mtuBytes: number;
  /** Null: root. Anything but a user's name when the node is not as it should be. */
  readonly owner: string | null;
  readonly isUp: boolean;
}

/** What cannot be changed on a device that stands. */
export const FIXED_MACVTAP_PROPERTIES: ReadonlySet<string> = new Set(['device', 'uplink']);

export function macvtapProperties(nic: Nic, network: Network): Record<string, Json> {
  const macvtap: Macvtap = {
    device: nic.interfaceName,
    network: network.name,
    uplink: network.uplink ?? 'default',
    mac: nic.mac,
    mtuBytes: network.mtuBytes,
    owner: nicOptions(nic).owner,
    isUp: true,
  };
  return { ...macvtap };
}

export function macvtapNode(device: string): string {
  return `${DIRECTORY}/${device}`;
}

/** Number of the descriptor: 0 to 2 are taken, and a shell can redirect one digit. */
export function macvtapDescriptor(nic: Nic): number {
  return 3 + nic.index;
}

/** `NETWORK UPLINK`, kept as the link's alias (ip-link(8)), since the kernel knows of the NIC only which one it was. */
export function aliasWords(link: Link): { network: string; uplink: string } {
  const [network = '', uplink = ''] = (link.ifalias ?? '').split(' ');
  return { network, uplink };
}

/** Properties of the macvtap links, by device. */
export async function observeMacvtaps(
  run: Run,
  links: readonly Link[],
  signal: AbortSignal,
): Promise<Map<string, Record<string, Json>>> {
  const own = links.filter(({ kind }) => kind === MACVTAP_KIND);
  if (own.length === 0) return new Map();
  const routes = await readRoutes(run, signal);
  return new Map(
    await Promise.all(
      own.map(async (link): Promise<[string, Record<string, Json>]> => {
        const { network, uplink } = aliasWords(link);
        const macvtap: Macvtap = {
          device: link.ifname,
          network,
          uplink: resolveUplink(uplink, routes) === link.link ? uplink : (link.link ?? ''),
          mac: link.address ?? '',
          mtuBytes: link.mtu,
          owner: await nodeOwner(run, link, signal),
          isUp: link.flags.includes('UP'),
        };
        return [link.ifname, { ...macvtap }];
      }),
    ),
  );
}

export function stageMacvtap(
  work: KernelWork,
  project: string,
  nic: { readonly machine: string; readonly index: number },
  before: Resource | undefined,
  after: Resource,
  routes: readonly Route[] | undefined,
): void {
  const { device, network, uplink, mac, mtuBytes } = after.properties as unknown as Macvtap;
  if (before === undefined) {
    work.linkLines.push(
      `link add link ${lowerDevice(after, routes)} name ${device} address ${mac} mtu ${mtuBytes} type macvtap mode bridge`,
      `link set dev ${device} addrgenmode none alias '${network} ${uplink}'`,
      // The mark comes last: what carries it is whole.
      `link property add dev ${device} altname ${formatMark(project, { kind: 'nic', ...nic })}`,
    );
  } else {
    const standing = before.properties as unknown as Macvtap;
    if (standing.mac !== mac) work.linkLines.push(`link set dev ${device} address ${mac}`);
    if (standing.mtuBytes !== mtuBytes) work.linkLines.push(`link set dev ${device} mtu ${mtuBytes}`);
  }
  work.finalLinkLines.push(`link set dev ${device} up`);
}

/** @param routes of the host; absent: the shell finds out. */
function lowerDevice(after: Resource, routes: readonly Route[] | undefined): string {
  const { uplink, network } = after.properties as unknown as Macvtap;
  if (routes === undefined) {
    return uplink === 'default'
      ? `$(ip -4 -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)`
      : uplink;
  }
  const device = resolveUplink(uplink, routes);
  if (device === undefined) throw new PasserelleError(noUplink(network, after.source));
  return device;
}

/** Nodes that come and go with their devices. */
export async function settleNodes(
  run: Run,
  changes: readonly Change[],
  links: readonly Link[],
  signal: AbortSignal,
): Promise<void> {
  const concerned = changes.filter((change) => subjectOf(change).kind === MACVTAP_KIND);
  if (concerned.length === 0) return;
  for (const change of concerned) {
    const { device, owner } = subjectOf(change).properties as unknown as Macvtap;
    const node = macvtapNode(device);
    await run(['rm', '-f', node], { signal });
    const link = links.find(({ ifname }) => ifname === device);
    const number = link && (await deviceNumber(run, link, signal));
    if (change.action === 'delete' || number === undefined) continue;
    await run(['mkdir', '-p', DIRECTORY], { signal });
    await run(['mknod', '-m', '600', node, 'c', ...number.split(':')], { signal });
    if (owner !== null) await run(['chown', owner, node], { signal });
  }
  // Gone when empty.
  await run(['rmdir', '--ignore-fail-on-non-empty', DIRECTORY], { signal });
}

/** The same as it is typed, after the device. */
export function nodeCommands(change: Change): string[] {
  const { device, owner } = subjectOf(change).properties as unknown as Macvtap;
  const node = shellWord(macvtapNode(device));
  if (change.action === 'delete') return [`rm -f ${node}`];
  const number = `$(tr : ' ' < /sys/class/net/${device}/tap*/dev)`;
  return [
    `mkdir -p ${DIRECTORY} && rm -f ${node} && mknod -m 600 ${node} c ${number}`,
    ...(owner === null ? [] : [`chown ${shellWord(owner)} ${node}`]),
  ];
}

/** `MAJOR:MINOR` of the device, as sysfs of its namespace says it. */
async function deviceNumber(run: Run, link: Link, signal: AbortSignal): Promise<string | undefined> {
  const path = `/sys/class/net/${link.ifname}/tap${link.ifindex}/dev`;
  const { exitCode, stdout } = await run(['cat', path], { signal });
  return exitCode === 0 ? stdout.trim() : undefined;
}

async function nodeOwner(run: Run, link: Link, signal: AbortSignal): Promise<string | null> {
  const [number, seen] = await Promise.all([
    deviceNumber(run, link, signal),
    run(['stat', '-c', '%U %t:%T', macvtapNode(link.ifname)], { signal }),
  ]);
  const [user = '', hexadecimal = ''] = seen.stdout.trim().split(' ');
  const seenNumber = hexadecimal.split(':').map((part) => Number.parseInt(part, 16));
  if (seen.exitCode !== 0 || seenNumber.join(':') !== number) return 'nobody: the node is not there';
  return user === 'root' ? null : user;
}
