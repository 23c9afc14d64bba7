import type { FabricPort } from '../../control/protocol.js';

/** The configured ports of each network that has any. */
export function portsByNetwork(ports: readonly FabricPort[]): ReadonlyMap<string, readonly FabricPort[]> {
  const byNetwork = new Map<string, FabricPort[]>();
  for (const port of ports) {
    const siblings = byNetwork.get(port.network);
    if (siblings === undefined) byNetwork.set(port.network, [port]);
    else siblings.push(port);
  }
  return byNetwork;
}
