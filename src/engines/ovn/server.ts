/**
 * Names, and router advertisements, of an `isolated` network: a dnsmasq in a namespace, away from the host, on a port of the
 * type `localport`, which every host has and which speaks with the machines of its own host alone. So each host answers
 * its machines by itself. (OVN's own DNS table leaves questions that it has no answer for unanswered, and a resolver that
 * asks for AAAA waits for seconds: docs/decisions/0011-ovn.md.) Pure.
 */
import { createHash } from 'node:crypto';
import type { Resource } from '../../plan/resource.js';
import type { Network } from '../../topology/topology.js';
import type { ServerPlace } from '../kernel-gateway/dhcp/dhcp-resources.js';
import { linkLocalOf } from '../kernel-gateway/link-local.js';
import { insideResource, namespaceResource } from '../open-vswitch/inside.js';
import { namespaceName } from '../open-vswitch/owner.js';
import {
  networkPortName,
  networkPortResource,
  ownerOf,
  PROVIDER,
  resourceId,
  switchName,
} from './identity.js';
import { makeResource } from './resources.js';

export function hasServer({ mode, dns, ipv6 }: Network): boolean {
  return mode === 'isolated' && (dns !== undefined || ipv6 !== undefined);
}

/** The network as its server sees it: addresses are the matter of OVN, and every host has a server. */
export function asServed({ dhcp: _byOvn, gatewayElsewhere: _everyHost, ...network }: Network): Network {
  return network;
}

/** Where the server runs. */
export function serverPlace(project: string, network: Network): ServerPlace {
  return {
    namespace: namespaceName(ownerOf(project), 'server', network.name),
    device: serverDevice(network),
    needs: [`${PROVIDER}/inside/${network.name}`],
  };
}

/** Kernel name of the server's port: 15 characters at most (IFNAMSIZ), unique by hash. */
function serverDevice({ interfaceName }: Network): string {
  return `psln${createHash('sha256').update(interfaceName).digest('hex').slice(0, 10)}`;
}

export function desireServer(project: string, network: Network): Resource[] {
  const { name, source, ipv4, ipv6, gatewayMac, mtuBytes } = network;
  const namespace = namespaceName(ownerOf(project), 'server', name);
  const device = serverDevice(network);
  const logicalPort = networkPortName(project, name, 'server');
  const ipv6Addresses = ipv6 === undefined ? [] : [ipv6.gateway, linkLocalOf(gatewayMac)];
  return [
    namespaceResource(ownerOf(project), namespace, {
      reason: `the server of ${name} runs there, away from the host`,
      source,
    }),
    makeResource(
      'logical-port',
      networkPortResource(name, 'server'),
      {
        switch: switchName(project, name),
        name: logicalPort,
        type: 'localport',
        addresses: [[gatewayMac, ...(ipv4 === undefined ? [] : [ipv4.gateway]), ...ipv6Addresses].join(' ')],
        portSecurity: [],
        isGuarded: false,
        isPinned: false,
      },
      { needs: [resourceId('switch', name)], reason: `the server on the logical switch of ${name}`, source },
    ),
    makeResource(
      'port',
      name,
      { device, logicalPort, namespace, isAttached: true, isInstalled: true },
      {
        needs: [resourceId('logical-port', networkPortResource(name, 'server'))],
        reason: `port of the server of ${name}`,
        source,
      },
    ),
    insideResource(
      ownerOf(project),
      name,
      {
        namespace,
        device,
        mac: gatewayMac,
        mtuBytes,
        addresses: [
          ...[ipv4, ipv6].flatMap((subnet) =>
            subnet === undefined ? [] : [`${subnet.gateway}/${subnet.prefixLength}`],
          ),
          ...(ipv6 === undefined ? [] : [`${linkLocalOf(gatewayMac)}/64`]),
        ].sort(),
        gateways: [],
        isUp: true,
      },
      {
        needs: [resourceId('port', name), `${PROVIDER}/namespace/${namespace}`],
        reason: `the server of ${name} answers by it`,
        source,
      },
    ),
  ];
}
