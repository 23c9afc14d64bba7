import type { Change, Impact, Resource } from '../../plan/resource.js';
import { propertiesOf } from './resources.js';

/** Properties whose change empties the switch's tables or renumbers the gateway. */
const INTERRUPTING: Readonly<Record<string, readonly string[]>> = {
  bridge: ['datapath', 'failMode', 'controllers', 'mac', 'isUp'],
  uplink: ['isShielded', 'isHandedOver', 'bondMode', 'lacp'],
  gateway: ['addresses'],
};

/** Properties that cannot change on what stands. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  bridge: ['device'],
  tap: ['device', 'owner'],
  port: ['device', 'bridge', 'namespace', 'isAttached'],
  uplink: ['bridge', 'uplink', 'isAttached'],
  tunnel: [
    'device',
    'bridge',
    'type',
    'remoteAddress',
    'localAddress',
    'key',
    'port',
    'pskFile',
    'isKeyCurrent',
    'isIsolated',
    'isAttached',
  ],
  inside: ['namespace', 'device'],
};

export function updatesInPlace(before: Resource, after: Resource, changed: readonly string[]): boolean {
  if (changed.some((name) => FIXED[before.kind]?.includes(name))) return false;
  return before.kind !== 'uplink' || !changed.includes('members') || keepsMember(before, after);
}

/** A bond lives on while one of its members stays. */
function keepsMember(before: Resource, after: Resource): boolean {
  const { members: stay = [] } = propertiesOf(after, 'uplink');
  return propertiesOf(before, 'uplink').members?.some((nic) => stay.includes(nic)) ?? false;
}

/** What the machines behind a resource feel when it changes. Pure. */
export function impactOf(change: Change): Impact {
  switch (change.action) {
    case 'create':
      // The host feels its NIC go into the bridge, which commit-confirm guards; a machine only gains the LAN.
      return 'none';
    case 'delete':
      if (change.before.kind === 'tap' || change.before.kind === 'port') return 're-plug';
      return change.before.kind === 'uplink' || change.before.kind === 'tunnel' ? 'brief-loss' : 'live';
    case 'replace':
      // A tap that is made anew is another device to the machine; a port is in the switch again at once.
      return change.after.kind === 'tap' ? 're-plug' : 'brief-loss';
    case 'update':
      return change.changed.some((name) => INTERRUPTING[change.after.kind]?.includes(name))
        ? 'brief-loss'
        : 'live';
  }
}
