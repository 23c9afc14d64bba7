/**
 * One network over many hosts: a full mesh of tunnels (RFC 7348 VXLAN, RFC 8926 Geneve) between the hosts' bridges. Pure.
 *
 * Each host computes its own ends from the same file, so nothing has to be agreed on. A host that joins or leaves changes
 * one tunnel on every other host and nothing else. MAC addresses are learnt, as on one bridge: a machine that moves is
 * found by its first frame. Loops cannot be: what came by one tunnel leaves by none (split horizon).
 */
import { createHash } from 'node:crypto';
import type { Resource } from '../../../plan/resource.js';
import type { Network, TunnelType } from '../../../topology/topology.js';
import { resourceId } from '../identity.js';
import { networkOptions } from '../options.js';
import { makeResource } from '../resources.js';

/** UDP ports that IANA gave. */
const UDP_PORTS: Readonly<Record<TunnelType, number>> = { vxlan: 4789, geneve: 6081 };

/** The tunnels of this host, one to each of the others. */
export function desireTunnels(project: string, network: Network): Resource[] {
  const { overlay, name, interfaceName, source } = network;
  if (overlay === undefined) return [];
  const { ipsec } = networkOptions(network);
  const { type, identifier, localAddress, peers } = overlay;
  return peers.map(({ host, address }) =>
    makeResource(
      'tunnel',
      `${name}/${host}`,
      {
        bridge: interfaceName,
        device: tunnelDevice(project, name, host),
        type,
        remoteAddress: address,
        localAddress,
        key: identifier,
        port: UDP_PORTS[type],
        ...(ipsec && { pskFile: ipsec['psk-file'] }),
        isKeyCurrent: true,
        isIsolated: true,
        isAttached: true,
      },
      { needs: [resourceId('bridge', name)], reason: `${name} goes on at host ${host}`, source },
    ),
  );
}

/** Kernel names have 15 characters at most (IFNAMSIZ); unique by hash. */
function tunnelDevice(project: string, network: string, host: string): string {
  const digest = createHash('sha256').update(`${project}/${network}/${host}`).digest('hex');
  return `pslt${digest.slice(0, 10)}`;
}
