/** A NIC's port on the segment: a persistent tap, which the machine's QEMU opens by name as the user it belongs to. */
import type { Link } from '../../clients/iproute/links.js';
import type { Json, Resource } from '../../plan/resource.js';
import type { Network, Nic } from '../../topology/topology.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { formatMark } from './marks.js';
import { nicOptions } from './options.js';

export const TAP_KIND = 'tap';

interface Tap {
  readonly device: string;
  readonly bridge: string;
  readonly mtuBytes: number;
  readonly owner: string | null;
  readonly isMultiQueue: boolean;
  readonly isUp: boolean;
}

export function tapProperties(nic: Nic, network: Network): Record<string, Json> {
  const { owner, queues } = nicOptions(nic);
  const tap: Tap = {
    device: nic.interfaceName,
    bridge: network.interfaceName,
    mtuBytes: network.mtuBytes,
    owner,
    isMultiQueue: queues > 1,
    isUp: true,
  };
  return { ...tap };
}

export function observedTap(link: Link): Record<string, Json> {
  const { user, multi_queue: isMultiQueue } = link.info;
  const tap: Tap = {
    device: link.ifname,
    bridge: link.master ?? '',
    mtuBytes: link.mtu,
    owner: typeof user === 'string' ? user : null,
    isMultiQueue: isMultiQueue === true,
    isUp: link.flags.includes('UP'),
  };
  return { ...tap };
}

/** What cannot be changed on a tap that stands. */
export const FIXED_TAP_PROPERTIES: ReadonlySet<string> = new Set(['device', 'owner', 'isMultiQueue']);

export function stageTap(
  work: KernelWork,
  project: string,
  nic: { readonly machine: string; readonly index: number },
  before: Resource | undefined,
  after: Resource,
): void {
  const { device, bridge, mtuBytes, owner, isMultiQueue } = after.properties as unknown as Tap;
  if (before === undefined) {
    const user = owner === null ? '' : ` user ${owner}`;
    work.linkLines.push(
      `tuntap add dev ${device} mode tap${user}${isMultiQueue ? ' multi_queue' : ''}`,
      `link property add dev ${device} altname ${formatMark(project, { kind: 'nic', ...nic })}`,
    );
  }
  // The rest in one line, which the kernel carries out under one lock: no address is formed in between, since that is
  // done when a device gets its carrier, by whoever opens it later.
  work.finalLinkLines.push(`link set dev ${device} mtu ${mtuBytes} addrgenmode none master ${bridge} up`);
}
