/**
 * Ports whose device lives in a network namespace: a machine that is a namespace, or the server of an isolated network,
 * which must answer on the segment while the host itself stays out. The device is an internal port of the switch, put
 * into the namespace: unlike a veth it leaves no checksum to an offload that the userspace datapath does not do. When
 * ovs-vswitchd starts anew, the device is back on the host; then it is put inside again.
 */
import { createHash } from 'node:crypto';
import type { Run } from '../../../clients/command/run.js';
import type { InterfaceAddress, Link } from '../../../clients/iproute/links.js';
import type { Change, Resource } from '../../../plan/resource.js';
import type { Network, Nic, Topology } from '../../../topology/topology.js';
import { interfaceSetting } from '../../../clients/sysctl/sysctl.js';
import { addressLines } from '../../kernel-gateway/device.js';
import { isServed, type ServerPlace } from '../../kernel-gateway/dhcp/dhcp-resources.js';
import type { KernelWork } from '../../kernel-gateway/kernel-work.js';
import { linkLocalOf } from '../../kernel-gateway/link-local.js';
import { namespaceName, resourceId } from '../identity.js';
import { networkOptions, nicOptions } from '../options.js';
import { makeResource, propertiesOf } from '../resources.js';

/** Where the NIC's device lives; null: it is a tap on the host. */
export function namespaceOf(project: string, nic: Nic): string | null {
  if (!isInNamespace(nic)) return null;
  return nicOptions(nic).netns ?? namespaceName(project, 'machine', nic.machine);
}

export function isInNamespace(nic: Nic): boolean {
  return nicOptions(nic).attach === 'netns';
}

/** Namespaces, the devices in them, and the ports of the servers of isolated networks. Pure. */
export function desireNamespaces(
  project: string,
  topology: Topology,
  networks: readonly Network[],
): Resource[] {
  const byName = new Map(networks.map((network) => [network.name, network]));
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter((nic) => byName.has(nic.network) && isInNamespace(nic));
  const ownNamespaces = new Map(
    nics.filter((nic) => nicOptions(nic).netns === undefined).map((nic) => [nic.machine, nic]),
  );
  return [
    ...[...ownNamespaces.values()].map((nic) =>
      namespaceResource(namespaceName(project, 'machine', nic.machine), `${nic.machine} is a namespace`, nic),
    ),
    ...nics.flatMap((nic) => {
      const network = byName.get(nic.network);
      return network === undefined ? [] : [insideOf(project, nic, network)];
    }),
    ...networks.filter(hasServerInside).flatMap((network) => serverResources(project, network)),
  ];
}

/** Where the DHCP server of an isolated network runs. */
export function serverPlace(project: string, network: Network): ServerPlace {
  return {
    namespace: namespaceName(project, 'server', network.name),
    device: serverDevice(network),
    needs: [resourceId('inside', network.name)],
  };
}

function hasServerInside(network: Network): boolean {
  return network.mode === 'isolated' && isServed(network);
}

/** Kernel name of the server's port: 15 characters at most (IFNAMSIZ), unique by hash. */
function serverDevice(network: Network): string {
  return `psls${createHash('sha256').update(network.interfaceName).digest('hex').slice(0, 10)}`;
}

function namespaceResource(namespace: string, reason: string, about: Nic | Network): Resource {
  const affects = 'machine' in about ? [about.machine] : [];
  return makeResource('namespace', namespace, { namespace }, { reason, source: about.source, affects });
}

function insideOf(project: string, nic: Nic, network: Network): Resource {
  const { netns } = nicOptions(nic);
  const namespace = namespaceOf(project, nic) ?? '';
  const leaves = (network.mode === 'nat' || network.mode === 'routed') && nic.index === 0;
  return makeResource(
    'inside',
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
        resourceId('port', nic.id),
        ...(netns === undefined ? [resourceId('namespace', namespace)] : []),
      ],
      affects: [nic.machine],
      reason: `${nic.id} lives in the namespace ${namespace}`,
      source: nic.source,
    },
  );
}

function serverResources(project: string, network: Network): Resource[] {
  const { source, name } = network;
  const namespace = namespaceName(project, 'server', name);
  const device = serverDevice(network);
  const { vlan } = networkOptions(network);
  return [
    namespaceResource(namespace, `the server of ${name} runs there, away from the host`, network),
    makeResource(
      'port',
      name,
      {
        bridge: network.interfaceName,
        device,
        namespace,
        ...(vlan !== undefined && { tag: vlan, vlanMode: 'access' as const }),
        isIsolated: false,
        isAttached: true,
      },
      { needs: [resourceId('bridge', name)], reason: `port of the server of ${name}`, source },
    ),
    makeResource(
      'inside',
      name,
      {
        namespace,
        device,
        mac: network.gatewayMac,
        mtuBytes: network.mtuBytes,
        addresses: [
          ...[network.ipv4, network.ipv6].flatMap((subnet) =>
            subnet ? [`${subnet.gateway}/${subnet.prefixLength}`] : [],
          ),
          ...(network.ipv6 ? [`${linkLocalOf(network.gatewayMac)}/64`] : []),
        ].sort(),
        gateways: [],
        isUp: true,
      },
      {
        needs: [resourceId('port', name), resourceId('namespace', namespace)],
        reason: `the server of ${name} answers by it`,
        source,
      },
    ),
  ];
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

export function observedNamespaces({ inside, internalPorts }: InsideState): Resource[] {
  return inside.flatMap((view) => [
    ...(view.isOurs ? [makeResource('namespace', view.namespace, { namespace: view.namespace })] : []),
    ...view.links.flatMap((link): Resource[] => {
      const name = internalPorts.get(link.ifname);
      if (name === undefined) return [];
      const addresses = view.addresses
        // What it formed by itself from an advertisement is not what it was told.
        .filter(({ ifname, flags }) => ifname === link.ifname && flags['dynamic'] !== true)
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
        .sort();
      return [
        makeResource(
          'inside',
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
              resourceId('port', name),
              ...(view.isOurs ? [resourceId('namespace', view.namespace)] : []),
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
    if (change.action !== 'create' || change.after.kind !== 'inside') continue;
    const { namespace, device } = propertiesOf(change.after, 'inside');
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
    if (subject.kind === 'namespace') {
      const { namespace } = propertiesOf(subject, 'namespace');
      if (change.action === 'delete') work.doomedNamespaces.push(namespace);
      else work.newNamespaces.push(namespace);
    }
    if (subject.kind !== 'inside' || change.action === 'delete') continue;
    const { namespace, device, mac, mtuBytes, addresses, gateways } = propertiesOf(change.after, 'inside');
    const standing = change.action === 'update' ? propertiesOf(change.before, 'inside') : undefined;
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
