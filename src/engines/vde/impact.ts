import type { Change, Impact } from '../../plan/resource.js';
import { CABLE_KIND, PORT_KIND, SWITCH_KIND, switchOf } from './resources.js';

/** Properties that a running switch, port or cable can be given without being made anew. */
const LIVE: Readonly<Record<string, ReadonlySet<string>>> = {
  [SWITCH_KIND]: new Set(['portCount', 'isHub', 'speaksFstp']),
  [PORT_KIND]: new Set(['untaggedVlan', 'taggedVlans']),
  [CABLE_KIND]: new Set(['untaggedVlan', 'taggedVlans']),
};

export function canUpdateLive(kind: string, changed: readonly string[]): boolean {
  return changed.every((name) => LIVE[kind]?.has(name) === true);
}

/** What the machines of a network feel when a switch, port or cable changes. Pure. */
export function impactOf(change: Change): Impact {
  switch (change.action) {
    case 'create':
      return 'none';
    case 'update':
      // A port listens for a while when the spanning tree protocol begins, and who changes VLAN leaves its peers.
      return change.changed.some((name) => name === 'speaksFstp' || name === 'untaggedVlan')
        ? 'brief-loss'
        : 'live';
    case 'replace':
      return change.before.kind === SWITCH_KIND ? impactOfNewSwitch(change) : impactOfNewPort(change);
    case 'delete':
      return change.before.kind === PORT_KIND ? 're-plug' : 'live';
  }
}

/** A switch that does not work has cut its machines off already. */
function impactOfNewSwitch(change: Extract<Change, { action: 'replace' }>): Impact {
  return switchOf(change.before).state === 'running' ? 're-plug' : 'none';
}

function impactOfNewPort(change: Extract<Change, { action: 'replace' }>): Impact {
  return change.before.kind === PORT_KIND ? 're-plug' : 'brief-loss';
}
