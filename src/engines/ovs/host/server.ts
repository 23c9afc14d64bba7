/**
 * The DHCP server of an isolated network runs in a namespace of its own, on a port of its own: it answers on the segment
 * while the host itself stays out. Pure.
 */
import { createHash } from 'node:crypto';
import type { Resource } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import { isServed, type ServerPlace } from '../../kernel-gateway/dhcp/dhcp-resources.js';
import { linkLocalOf } from '../../kernel-gateway/link-local.js';
import { insideResource, namespaceResource } from '../../open-vswitch/inside.js';
import { namespaceName } from '../../open-vswitch/owner.js';
import { ownerOf, resourceId } from '../identity.js';
import { networkOptions } from '../options.js';
import { makeResource } from '../resources.js';

/** Where the DHCP server of an isolated network runs. */
export function serverPlace(project: string, network: Network): ServerPlace {
  return {
    namespace: namespaceName(ownerOf(project), 'server', network.name),
    device: serverDevice(network),
    needs: [resourceId('inside', network.name)],
  };
}

export function hasServerInside(network: Network): boolean {
  return network.mode === 'isolated' && isServed(network);
}

/** Kernel name of the server's port: 15 characters at most (IFNAMSIZ), unique by hash. */
function serverDevice(network: Network): string {
  return `psls${createHash('sha256').update(network.interfaceName).digest('hex').slice(0, 10)}`;
}

export function desireServer(project: string, network: Network): Resource[] {
  const { source, name } = network;
  const namespace = namespaceName(ownerOf(project), 'server', name);
  const device = serverDevice(network);
  const { vlan } = networkOptions(network);
  return [
    namespaceResource(ownerOf(project), namespace, {
      reason: `the server of ${name} runs there, away from the host`,
      source,
    }),
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
    insideResource(
      ownerOf(project),
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
