import type { Change, Impact, Resource } from '../../plan/resource.js';
import { BRIDGE_KIND } from './bridge.js';
import { MACVTAP_KIND } from './macvtap.js';
import { TUNNEL_KIND } from './overlay/tunnel.js';
import { TAP_KIND } from './tap.js';
import { UPLINK_KIND } from './uplink/uplink-resource.js';
import { VETH_KIND } from './veth.js';

/** What a network's machines feel as an interruption: the gateway they know has another address or MAC. */
const INTERRUPTING: Readonly<Record<string, ReadonlySet<string>>> = {
  [BRIDGE_KIND]: new Set(['mac', 'device']),
  [TAP_KIND]: new Set(['bridge']),
  [TUNNEL_KIND]: new Set(['bridge', 'isUp']),
  [UPLINK_KIND]: new Set(['uplink', 'bridge', 'isMember']),
  [MACVTAP_KIND]: new Set(['mac']),
  [VETH_KIND]: new Set(['bridge', 'mac']),
};

const PORT_KINDS: ReadonlySet<string> = new Set([TAP_KIND, VETH_KIND, MACVTAP_KIND]);

/** What the machines behind a resource feel when it changes. Pure. */
export function impactOf(change: Change): Impact {
  switch (change.action) {
    case 'create':
      return 'none';
    case 'delete':
      if (change.before.kind === UPLINK_KIND) return 'brief-loss';
      return PORT_KINDS.has(change.before.kind) ? 're-plug' : 'live';
    case 'replace':
      return change.after.kind === TUNNEL_KIND ? 'brief-loss' : 're-plug';
    case 'update':
      if (losesAddress(change.before, change.after)) return 'brief-loss';
      return change.changed.some((name) => INTERRUPTING[change.after.kind]?.has(name))
        ? 'brief-loss'
        : 'live';
  }
}

/** Connections by an address end with it; another one beside it disturbs nobody. */
function losesAddress(before: Resource, after: Resource): boolean {
  const kept = new Set(addressesOf(after));
  return addressesOf(before).some((address) => !kept.has(address));
}

function addressesOf({ properties }: Resource): readonly string[] {
  return (properties['addresses'] ?? []) as readonly string[];
}
