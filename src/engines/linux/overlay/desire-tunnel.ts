/** A network's way to its other hosts as resources. Pure. */
import type { Resource } from '../../../plan/resource.js';
import type { Network, Overlay } from '../../../topology/topology.js';
import { TABLE_KIND } from '../../kernel-gateway/desire.js';
import { elementProperties } from '../../kernel-gateway/rules/elements.js';
import { tableProperties } from '../../kernel-gateway/rules/ruleset.js';
import { bridgeId } from '../bridge.js';
import { PEER_TABLE_ID, PROVIDER, resource } from '../identity.js';
import { PEERS_KIND, peerElements, peerTable } from './peer-table.js';
import { TUNNEL_KIND, tunnelProperties } from './tunnel.js';

export function peerTableResource(project: string): Resource {
  return {
    ...resource(TABLE_KIND, 'tunnels', tableProperties(peerTable(project, PROVIDER)), []),
    reason: 'keeps all but the other hosts out of the tunnels, by the same rules for any number of them',
  };
}

/** @param machines with a port on the network here. */
export function tunnelResources(network: Network, overlay: Overlay, machines: readonly string[]): Resource[] {
  const { name, source } = network;
  const hosts = overlay.peers.map(({ host }) => host).join(', ');
  const peers = resource(PEERS_KIND, name, elementProperties(peerElements(overlay)), [PEER_TABLE_ID]);
  return [
    { ...peers, reason: `only ${hosts} may send into ${name}`, source },
    {
      ...resource(TUNNEL_KIND, name, tunnelProperties(network, overlay), [
        bridgeId(PROVIDER, name),
        peers.id,
      ]),
      reason: `${name} goes on at ${overlay.peers.length === 1 ? 'host' : 'hosts'} ${hosts}`,
      source,
      affects: machines,
    },
  ];
}
