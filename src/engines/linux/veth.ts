/**
 * A port whose other end is a device in a network namespace: a machine that is a namespace, or the server of an isolated
 * network. The inner end is told its addresses and routes, so that it works at once.
 */
import type { InterfaceAddress, Link } from '../../clients/iproute/links.js';
import { interfaceSetting } from '../../clients/sysctl/sysctl.js';
import type { Json, Resource } from '../../plan/resource.js';
import { addressLines } from '../kernel-gateway/device.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { formatMark, isOurNamespace, type Mark } from './marks.js';

export const VETH_KIND = 'veth';
export const NAMESPACE_KIND = 'namespace';

export interface Veth {
  /** The end that is a port of the bridge. */
  readonly device: string;
  readonly bridge: string;
  readonly namespace: string;
  readonly innerDevice: string;
  readonly mac: string;
  readonly mtuBytes: number;
  /** `10.10.10.11/24`, sorted. */
  readonly addresses: readonly string[];
  /** Default routes of the namespace go by these. */
  readonly gateways: readonly string[];
  readonly isUp: boolean;
}

export function vethProperties(veth: Veth): Record<string, Json> {
  return { ...veth };
}

/** What was read inside the namespace. */
export interface NamespaceView {
  readonly namespace: string;
  /** By which the links of the host refer to it. */
  readonly id: number | undefined;
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  /** Gateways of default routes, by device. */
  readonly gateways: ReadonlyMap<string, readonly string[]>;
}

export function observedVeth(link: Link, views: readonly NamespaceView[]): Record<string, Json> {
  const view = views.find(({ id }) => id !== undefined && id === link.peerNamespaceId);
  const inner = view?.links.find(({ ifindex }) => ifindex === link.peerIndex);
  if (view === undefined || inner === undefined) return { device: link.ifname };
  return vethProperties({
    device: link.ifname,
    bridge: link.master ?? '',
    namespace: view.namespace,
    innerDevice: inner.ifname,
    mac: inner.address ?? '',
    mtuBytes: link.mtu,
    addresses: view.addresses
      // What it formed by itself from an advertisement is not what it was told.
      .filter(({ ifname, flags }) => ifname === inner.ifname && flags['dynamic'] !== true)
      .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
      .sort(),
    gateways: [...(view.gateways.get(inner.ifname) ?? [])].sort(),
    isUp: link.flags.includes('UP') && inner.flags.includes('UP'),
  });
}

export function stageVeth(
  work: KernelWork,
  project: string,
  mark: Mark,
  before: Resource | undefined,
  after: Resource,
): void {
  const { device, bridge, namespace, innerDevice, mac, mtuBytes, addresses, gateways } =
    after.properties as unknown as Veth;
  const standing = before?.properties as unknown as Veth | undefined;
  if (standing === undefined) {
    work.linkLines.push(
      `link add name ${device} mtu ${mtuBytes} type veth peer name ${innerDevice} address ${mac} mtu ${mtuBytes} netns ${namespace}`,
      `link set dev ${device} addrgenmode none`,
      // The mark comes last: what carries it is whole.
      `link property add dev ${device} altname ${formatMark(project, mark)}`,
    );
  }
  // A namespace that is its owner's may have IPv6 switched off; this NIC of it has it, by the file.
  if (!isOurNamespace(project, namespace) && addresses.some((address) => address.includes(':'))) {
    const settings = work.namespaceSettings.get(namespace) ?? new Map<string, string>();
    work.namespaceSettings.set(
      namespace,
      settings.set(interfaceSetting('ipv6', innerDevice, 'disable_ipv6'), '0'),
    );
  }
  const inside = work.namespaceLines.get(namespace) ?? [];
  work.namespaceLines.set(namespace, inside);
  inside.push(`link set dev ${innerDevice} addrgenmode none`);
  if (standing !== undefined && standing.mac !== mac)
    inside.push(`link set dev ${innerDevice} address ${mac}`);
  if (standing !== undefined && standing.mtuBytes !== mtuBytes) {
    work.linkLines.push(`link set dev ${device} mtu ${mtuBytes}`);
    inside.push(`link set dev ${innerDevice} mtu ${mtuBytes}`);
  }
  inside.push(
    'link set dev lo up',
    `link set dev ${innerDevice} up`,
    // Before the addresses: a route goes with the address it needs.
    ...(standing?.gateways ?? [])
      .filter((gateway) => !gateways.includes(gateway))
      .map((gateway) => `route del default via ${gateway} dev ${innerDevice}`),
    ...addressLines(innerDevice, standing?.addresses ?? [], addresses),
    ...gateways.map((gateway) => `route replace default via ${gateway} dev ${innerDevice}`),
  );
  work.finalLinkLines.push(`link set dev ${device} master ${bridge} up`);
}

/** What cannot be changed on a pair that stands. */
export const FIXED_VETH_PROPERTIES: ReadonlySet<string> = new Set(['device', 'namespace', 'innerDevice']);
