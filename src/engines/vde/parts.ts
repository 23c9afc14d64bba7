/** Which part of the engine a resource is of: each part observes, changes and explains its own. Pure. */
import type { Change, Impact, Resource } from '../../plan/resource.js';
import { subjectOf } from '../../plan/resource.js';
import { FABRIC_KIND, FORWARD_KIND, GATEWAY_KIND } from './gateway/objects.js';
import { canUpdateLive, impactOf } from './impact.js';
import { canUpdateTap, TAP_KIND } from './kernel/tap.js';
import { CABLE_KIND, PORT_KIND, SWITCH_KIND } from './resources.js';

/** `switches`: and what is plugged in; `fabric`: the rootless gateway; `kernel`: the gateway where there is root. */
export type Part = 'switches' | 'fabric' | 'kernel';

const SWITCH_KINDS: ReadonlySet<string> = new Set([SWITCH_KIND, PORT_KIND, CABLE_KIND]);
const FABRIC_KINDS: ReadonlySet<string> = new Set([FABRIC_KIND, GATEWAY_KIND, FORWARD_KIND]);

export function partOf({ kind }: Pick<Resource, 'kind'>): Part {
  if (SWITCH_KINDS.has(kind)) return 'switches';
  return FABRIC_KINDS.has(kind) ? 'fabric' : 'kernel';
}

export function changesOf(part: Part, changes: readonly Change[]): Change[] {
  return changes.filter((change) => partOf(subjectOf(change)) === part);
}

export function updatesInPlace(before: Resource, changed: readonly string[]): boolean {
  switch (partOf(before)) {
    case 'switches':
      return canUpdateLive(before.kind, changed);
    case 'fabric':
      return before.kind !== FABRIC_KIND;
    case 'kernel':
      return before.kind !== TAP_KIND || canUpdateTap(before, changed);
  }
}

/** What machines feel of a change. */
export function impactOn(change: Change): Impact {
  if (partOf(subjectOf(change)) === 'switches') return impactOf(change);
  switch (change.action) {
    case 'create':
      return 'none';
    case 'delete':
      return 'live';
    case 'replace':
      return 'brief-loss';
    case 'update':
      return changesAddressing(change.before, change.after) ? 'brief-loss' : 'live';
  }
}

/** Changes of a gateway that its machines feel as more than the next DHCP renewal. */
const ADDRESSING = ['ipv4', 'ipv6', 'mode', 'gatewayMac', 'addresses', 'mac'] as const;

function changesAddressing(before: Resource, after: Resource): boolean {
  const [old, now] = [before, after].map(({ properties }) => {
    const network = properties['network'];
    return (typeof network === 'object' && network !== null ? network : properties) as Readonly<
      Record<string, unknown>
    >;
  });
  return ADDRESSING.some((name) => JSON.stringify(old?.[name]) !== JSON.stringify(now?.[name]));
}
