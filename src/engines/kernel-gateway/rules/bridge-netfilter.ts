/**
 * br_netfilter hands bridged packets to the rules for routed ones. Then any FORWARD policy of drop cuts machines of one
 * segment from each other, and a machine cannot reach itself through a forward, since the bridge will not send a frame
 * back out of the port it came in on. Switched off for the host where nobody relies on it. A foreign table that filters
 * forwarded packets may rely on it (Docker does, for `icc: false`): then it stays on and our packets are let through
 * where they would be dropped.
 */
import type { NftTable } from '../../../clients/nft/listing.js';
import type { Resource } from '../../../plan/resource.js';
import type { Hold } from '../holds.js';

export const BRIDGE_NETFILTER_KIND = 'bridge-netfilter';

export const BRIDGE_NETFILTER_SETTINGS: readonly string[] = ['iptables', 'ip6tables', 'arptables'].map(
  (name) => `net.bridge.bridge-nf-call-${name}`,
);

export function desireBridgeNetfilter(provider: string): Resource {
  return {
    id: `${provider}/${BRIDGE_NETFILTER_KIND}/host`,
    provider,
    kind: BRIDGE_NETFILTER_KIND,
    properties: { isSettled: true },
    needs: [],
    reason: 'frames between machines of one network are not for the rules of routed packets',
    affects: [],
  };
}

export function holdsForBridges(foreignTables: readonly NftTable[]): Hold[] {
  return foreignTables.some(filtersForwarded)
    ? []
    : BRIDGE_NETFILTER_SETTINGS.map((setting) => ({ setting, value: '0' }));
}

function filtersForwarded(table: NftTable): boolean {
  return table.chains.some(({ hook, type }) => hook === 'forward' && type === 'filter');
}
