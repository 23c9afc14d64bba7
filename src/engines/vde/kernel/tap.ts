/**
 * The host's own port of a VDE switch: a persistent tap into which a cable leads. It stands for the network on the host,
 * as a bridge does on the linux engine.
 */
import type { Link } from '../../../clients/iproute/links.js';
import { type Change, type Json, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import type { KernelWork } from '../../kernel-gateway/kernel-work.js';
import { nameOf, PROVIDER, resourceId } from '../resources.js';

export const TAP_KIND = 'tap';

interface Tap {
  readonly device: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly isUp: boolean;
}

export function tapId(network: Pick<Network, 'name'>): string {
  return resourceId(TAP_KIND, network.name);
}

export function tapResource(network: Network): Resource {
  const { interfaceName: device, gatewayMac: mac, mtuBytes } = network;
  return {
    ...resource(network.name, { device, mac, mtuBytes, isUp: true }),
    reason: `the host's port of ${network.name}`,
    source: network.source,
  };
}

/** Taps that carry our mark, and one that was made a moment before it would have got it. */
export function observedTaps(
  project: string,
  links: readonly Link[],
  intended: ReadonlyMap<string, string>,
): Resource[] {
  return links.flatMap((link) => {
    const marked = link.altnames.flatMap((altname) => networkOfMark(project, altname) ?? [])[0];
    const network = marked ?? (link.kind === 'tun' ? intended.get(link.ifname) : undefined);
    if (network === undefined) return [];
    const tap = {
      device: link.ifname,
      mac: link.address ?? '',
      mtuBytes: link.mtu,
      isUp: marked !== undefined && link.flags.includes('UP'),
    };
    return [resource(network, tap)];
  });
}

export function stageTap(project: string, change: Change, work: KernelWork): void {
  if (subjectOf(change).kind !== TAP_KIND) return;
  if (change.action === 'delete') {
    work.doomedLinks.push(tapOf(change.before).device);
    return;
  }
  const { device, mac, mtuBytes } = tapOf(change.after);
  if (change.action !== 'update') {
    if (change.action === 'replace') work.linkLines.push(`link delete dev ${tapOf(change.before).device}`);
    work.linkLines.push(
      `tuntap add dev ${device} mode tap`,
      `link property add dev ${device} altname ${formatMark(project, nameOf(change.after))}`,
      // No address of its own making: what a gateway needs is given to it.
      `link set dev ${device} addrgenmode none`,
    );
  }
  work.linkLines.push(`link set dev ${device} address ${mac} mtu ${mtuBytes}`);
  work.finalLinkLines.push(`link set dev ${device} up`);
}

/** Whether a standing tap can be given these properties. One without its mark is made anew. */
export function canUpdateTap(before: Resource, changed: readonly string[]): boolean {
  return tapOf(before).isUp && !changed.includes('device');
}

export function tapOf(resource: Resource): Tap {
  // Made by the functions above.
  return resource.properties as unknown as Tap;
}

/** An alternative name (ip-link(8)), which the kernel keeps unique, and which a person sees in `ip link`. */
function formatMark(project: string, network: string): string {
  return `passerelle:${project}:vde:${network}`;
}

function networkOfMark(project: string, altname: string): string | undefined {
  const [product, owner, kind, network] = altname.split(':');
  return product === 'passerelle' && owner === project && kind === 'vde' ? network : undefined;
}

function resource(network: string, tap: Tap): Resource {
  const properties: Record<string, Json> = { ...tap };
  return {
    id: resourceId(TAP_KIND, network),
    provider: PROVIDER,
    kind: TAP_KIND,
    properties,
    needs: [],
    affects: [],
  };
}
