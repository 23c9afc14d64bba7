/** The NICs of this engine as resources: port, guard, rate limit, and the namespace a machine may be. Pure. */
import type { Resource } from '../../plan/resource.js';
import type { Network, Nic } from '../../topology/topology.js';
import { asSeenFromHere } from '../kernel-gateway/desire.js';
import { linkLocalOf } from '../kernel-gateway/link-local.js';
import { bridgeId } from './bridge.js';
import { CLOSED_KIND } from './closed.js';
import { GUARD_KIND, guardElements } from './guard.js';
import { GUARD_TABLE_ID, PROVIDER, resource } from './identity.js';
import { MACVTAP_KIND, macvtapProperties } from './macvtap.js';
import { namespaceName } from './marks.js';
import { nicOptions } from './options.js';
import { tunnelId } from './overlay/tunnel.js';
import { RATE_LIMIT_KIND, rateLimitProperties } from './rate-limit.js';
import { TAP_KIND, tapProperties } from './tap.js';
import { NAMESPACE_KIND, VETH_KIND, vethProperties } from './veth.js';

/** A NIC and the network it is plugged into. */
export interface Port {
  readonly nic: Nic;
  readonly network: Network;
}

/** Namespaces of ours that stand for machines; one that the file names is its owner's. */
export function namespacesOf(project: string, ports: readonly Port[]): Resource[] {
  const inside = ports.filter(({ nic }) => {
    const { attach, namespace } = nicOptions(nic);
    return attach === 'netns' && namespace === null;
  });
  return [...new Map(inside.map(({ nic }) => [nic.machine, nic])).values()].map((nic): Resource => {
    const namespace = namespaceName(project, 'machine', nic.machine);
    return {
      ...resource(NAMESPACE_KIND, namespace, { namespace }, []),
      reason: `${nic.machine} is a network namespace`,
      source: nic.source,
      affects: [nic.machine],
    };
  });
}

export function portResources(project: string, nic: Nic, network: Network): Resource[] {
  const { attach, namespace } = nicOptions(nic);
  const port = {
    reason: `port of ${nic.machine} on ${network.name}`,
    source: nic.source,
    affects: [nic.machine],
  };
  if (attach === 'macvtap') {
    return [{ ...resource(MACVTAP_KIND, nic.id, macvtapProperties(nic, network), []), ...port }];
  }
  const guards: Resource[] = isGuarded(nic)
    ? [
        {
          ...resource(GUARD_KIND, nic.id, { elements: guardElements(nic, network) }, [GUARD_TABLE_ID]),
          ...port,
          reason: `only its own addresses leave ${nic.id}`,
        },
      ]
    : [];
  const { rateLimitBps } = nicOptions(nic);
  if (rateLimitBps !== null) {
    const properties = rateLimitProperties(nic.interfaceName, rateLimitBps);
    guards.push({
      ...resource(RATE_LIMIT_KIND, nic.id, properties, [GUARD_TABLE_ID]),
      ...port,
      reason: `${nic.id} sends no faster than it may`,
    });
  }
  const needs = [
    bridgeId(PROVIDER, network.name),
    ...guards.map(({ id }) => id),
    ...(asSeenFromHere(network).mode === 'isolated' ? [`${PROVIDER}/${CLOSED_KIND}/${network.name}`] : []),
    ...(network.overlay === undefined ? [] : [tunnelId(PROVIDER, network.name)]),
  ];
  if (attach !== 'netns') {
    return [...guards, { ...resource(TAP_KIND, nic.id, tapProperties(nic, network), needs), ...port }];
  }
  const inside = namespace ?? namespaceName(project, 'machine', nic.machine);
  const isFirst = nic.index === 0;
  const leaves = network.mode === 'nat' || network.mode === 'routed';
  const properties = vethProperties({
    device: nic.interfaceName,
    bridge: network.interfaceName,
    namespace: inside,
    innerDevice: `eth${nic.index}`,
    mac: nic.mac,
    mtuBytes: network.mtuBytes,
    addresses: [
      ...(nic.ipv4 !== undefined && network.ipv4 ? [`${nic.ipv4}/${network.ipv4.prefixLength}`] : []),
      ...(nic.ipv6 !== undefined && network.ipv6 ? [`${nic.ipv6}/${network.ipv6.prefixLength}`] : []),
      `${linkLocalOf(nic.mac)}/64`,
    ].sort(),
    gateways:
      isFirst && leaves ? [network.ipv4, network.ipv6].flatMap((subnet) => subnet?.gateway ?? []).sort() : [],
    isUp: true,
  });
  const ownNamespace = namespace === null ? [namespaceId(inside)] : [];
  return [...guards, { ...resource(VETH_KIND, nic.id, properties, [...needs, ...ownNamespace]), ...port }];
}

/** Whether the machines sit on the uplink itself, so that the network has no bridge. */
export function isOnUplink(network: Network, ports: readonly Port[]): boolean {
  const own = ports.filter((port) => port.network === network);
  return own.length > 0 && own.every(({ nic }) => nicOptions(nic).attach === 'macvtap');
}

export function isGuarded(nic: Nic): boolean {
  return nic.antiSpoofing && nicOptions(nic).attach !== 'macvtap';
}

export function namespaceId(namespace: string): string {
  return `${PROVIDER}/${NAMESPACE_KIND}/${namespace}`;
}

/** Id of the resource that the machine's QEMU plugs the NIC into. */
export function portId(nic: Nic): string {
  const kinds = { netns: VETH_KIND, macvtap: MACVTAP_KIND, tap: TAP_KIND };
  return `${PROVIDER}/${kinds[nicOptions(nic).attach]}/${nic.id}`;
}
