/**
 * Ports whose device lives in a network namespace: a machine that is a namespace, or a server that must answer on a segment
 * while the host itself stays out. The device is an internal port of the switch, put into the namespace: unlike a veth it
 * leaves no checksum to an offload that the userspace datapath does not do. When ovs-vswitchd starts anew, the device is
 * back on the host; then it is put inside again.
 */
import type { Run } from '../../clients/command/run.js';
import type { InterfaceAddress, Link } from '../../clients/iproute/links.js';
import type { Change, Json, Resource } from '../../plan/resource.js';
import type { Network, Nic } from '../../topology/topology.js';
import { interfaceSetting } from '../../clients/sysctl/sysctl.js';
import { addressLines } from '../kernel-gateway/device.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { linkLocalOf } from '../kernel-gateway/link-local.js';
import { namespaceName, type Owner } from './owner.js';

export const NAMESPACE_KIND = 'namespace';
export const INSIDE_KIND = 'inside';

/** A network namespace of ours. */
export interface NamespaceProperties {
  readonly namespace: string;
}

/** A device of the switch that has been put into a namespace, as what lives there sees it. */
export interface InsideProperties {
  readonly namespace: string;
  readonly device: string;
  readonly mac: string;
  readonly mtuBytes: number;
  /** `10.10.10.11/24`, sorted. */
  readonly addresses: readonly string[];
  /** Default routes go by these, sorted. */
  readonly gateways: readonly string[];
  readonly isUp: boolean;
}

type Rest = Partial<Pick<Resource, 'needs' | 'affects' | 'reason' | 'source'>>;

export function namespaceResource({ provider }: Owner, namespace: string, rest: Rest = {}): Resource {
  const properties: NamespaceProperties = { namespace };
  return resourceOf(provider, NAMESPACE_KIND, namespace, { ...properties }, rest);
}

export function insideResource(
  { provider }: Owner,
  name: string,
  properties: InsideProperties,
  rest: Rest = {},
): Resource {
  return resourceOf(provider, INSIDE_KIND, name, { ...properties }, rest);
}

function resourceOf(
  provider: string,
  kind: string,
  name: string,
  properties: Readonly<Record<string, Json>>,
  rest: Rest,
): Resource {
  return { id: `${provider}/${kind}/${name}`, provider, kind, properties, needs: [], affects: [], ...rest };
}

function namespaceProperties(resource: Resource): NamespaceProperties {
  return resource.properties as unknown as NamespaceProperties;
}

function insideProperties(resource: Resource): InsideProperties {
  return resource.properties as unknown as InsideProperties;
}

/** How a NIC lives in a namespace, as the file says it. */
export interface InsideOptions {
  readonly attach?: 'tap' | 'netns' | 'macvtap' | undefined;
  readonly netns?: string | undefined;
}

/** A NIC with what the engine has read of its options. */
export interface PlacedNic {
  readonly nic: Nic;
  readonly options: InsideOptions;
}

/** Where the NIC's device lives; null: it is a tap on the host. */
export function namespaceOf(owner: Owner, { nic, options }: PlacedNic): string | null {
  if (options.attach !== 'netns') return null;
  return options.netns ?? namespaceName(owner, 'machine', nic.machine);
}

/** Namespaces of machines, and the devices in them. Pure. @param placed NICs of the engine. */
export function desireMachineNamespaces(
  owner: Owner,
  placed: readonly PlacedNic[],
  networks: readonly Network[],
): Resource[] {
  const byName = new Map(networks.map((network) => [network.name, network]));
  const inside = placed.filter(({ nic, options }) => byName.has(nic.network) && options.attach === 'netns');
  const ownNamespaces = new Map(
    inside.filter(({ options }) => options.netns === undefined).map(({ nic }) => [nic.machine, nic]),
  );
  return [
    ...[...ownNamespaces.values()].map((nic) =>
      namespaceResource(owner, namespaceName(owner, 'machine', nic.machine), {
        reason: `${nic.machine} is a namespace`,
        source: nic.source,
        affects: [nic.machine],
      }),
    ),
    ...inside.flatMap((each) => {
      const network = byName.get(each.nic.network);
      return network === undefined ? [] : [insideOf(owner, each, network)];
    }),
  ];
}

function insideOf(owner: Owner, placed: PlacedNic, network: Network): Resource {
  const { nic, options } = placed;
  const namespace = namespaceOf(owner, placed) ?? '';
  const leaves = (network.mode === 'nat' || network.mode === 'routed') && nic.index === 0;
  return insideResource(
    owner,
    nic.id,
    {
      namespace,
      device: nic.interfaceName,
      mac: nic.mac,
      mtuBytes: network.mtuBytes,
      addresses: [
        ...(nic.ipv4 !== undefined && network.ipv4 ? [`${nic.ipv4}/${network.ipv4.prefixLength}`] : []),
        ...(nic.ipv6 !== undefined && network.ipv6 ? [`${nic.ipv6}/${network.ipv6.prefixLength}`] : []),
        `${linkLocalOf(nic.mac)}/64`,
      ].sort(),
      gateways: leaves
        ? [nic.ipv4 && network.ipv4, nic.ipv6 && network.ipv6]
            .flatMap((subnet) => (subnet ? [subnet.gateway] : []))
            .sort()
        : [],
      isUp: true,
    },
    {
      needs: [
        `${owner.provider}/port/${nic.id}`,
        ...(options.netns === undefined ? [`${owner.provider}/${NAMESPACE_KIND}/${namespace}`] : []),
      ],
      affects: [nic.machine],
      reason: `${nic.id} lives in the namespace ${namespace}`,
      source: nic.source,
    },
  );
}

/** What was read inside a namespace. */
export interface NamespaceView {
  readonly namespace: string;
  /** It is one of ours, not one that the file names. */
  readonly isOurs: boolean;
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  /** Gateways of default routes, by device. */
  readonly gateways: ReadonlyMap<string, readonly string[]>;
}

export interface InsideState {
  readonly inside: readonly NamespaceView[];
  /** Devices of internal ports of ours, with the name of their resource. */
  readonly internalPorts: ReadonlyMap<string, string>;
}

export function observedNamespaces(owner: Owner, { inside, internalPorts }: InsideState): Resource[] {
  const { provider } = owner;
  return inside.flatMap((view) => [
    ...(view.isOurs ? [namespaceResource(owner, view.namespace)] : []),
    ...view.links.flatMap((link): Resource[] => {
      const name = internalPorts.get(link.ifname);
      if (name === undefined) return [];
      const addresses = view.addresses
        // What it formed by itself from an advertisement is not what it was told.
        .filter(({ ifname, flags }) => ifname === link.ifname && flags['dynamic'] !== true)
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
        .sort();
      return [
        insideResource(
          owner,
          name,
          {
            namespace: view.namespace,
            device: link.ifname,
            mac: link.address ?? '',
            mtuBytes: link.mtu,
            addresses,
            gateways: [...(view.gateways.get(link.ifname) ?? [])].sort(),
            isUp: link.flags.includes('UP'),
          },
          {
            needs: [
              `${provider}/port/${name}`,
              ...(view.isOurs ? [`${provider}/${NAMESPACE_KIND}/${view.namespace}`] : []),
            ],
            affects: name.includes('/') ? [name.split('/')[0] ?? name] : [],
          },
        ),
      ];
    }),
  ]);
}

/** Removes what a device's dead forerunner left in its namespace; where there is none, nothing happens. */
export async function clearPlaces(run: Run, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  for (const change of changes) {
    if (change.action !== 'create' || change.after.kind !== INSIDE_KIND) continue;
    const { namespace, device } = insideProperties(change.after);
    await run(['ip', '-n', namespace, 'link', 'delete', 'dev', device], { signal });
  }
}

/**
 * A machine that was on another host a moment ago is told of to its peers, which would look for it there: by the kernel
 * (ip-sysctl: arp_notify, ndisc_notify), as the device says nothing by itself.
 */
function announcing(device: string): [name: string, value: string][] {
  return [
    [interfaceSetting('ipv4', device, 'arp_notify'), '1'],
    [interfaceSetting('ipv6', device, 'ndisc_notify'), '1'],
  ];
}

/** Lines that put devices inside and tell them who they are. Devices go with their ports, before their namespaces. */
export function stageInside(changes: readonly Change[], work: KernelWork): void {
  for (const change of changes) {
    const subject = change.action === 'delete' ? change.before : change.after;
    if (subject.kind === NAMESPACE_KIND) {
      const { namespace } = namespaceProperties(subject);
      if (change.action === 'delete') work.doomedNamespaces.push(namespace);
      else work.newNamespaces.push(namespace);
    }
    if (subject.kind !== INSIDE_KIND || change.action === 'delete') continue;
    const { namespace, device, mac, mtuBytes, addresses, gateways } = insideProperties(change.after);
    const standing = change.action === 'update' ? insideProperties(change.before) : undefined;
    if (standing === undefined) work.linkLines.push(`link set dev ${device} netns ${namespace}`);
    const settings = work.namespaceSettings.get(namespace) ?? new Map<string, string>();
    work.namespaceSettings.set(namespace, settings);
    for (const [key, value] of announcing(device)) settings.set(key, value);
    const lines = work.namespaceLines.get(namespace) ?? ['link set dev lo up'];
    work.namespaceLines.set(namespace, lines);
    lines.push(
      `link set dev ${device} addrgenmode none`,
      `link set dev ${device} address ${mac} mtu ${mtuBytes}`,
      ...addressLines(device, standing?.addresses ?? [], addresses),
      // Behind its addresses, which it announces as it comes up.
      `link set dev ${device} up`,
      ...gateways.map((gateway) => `route replace default via ${gateway} dev ${device}`),
    );
  }
}
