import type { Change, Impact, Resource } from '../../plan/resource.js';

/** Properties whose change renumbers the gateway or interrupts a port. */
const INTERRUPTING: Readonly<Record<string, readonly string[]>> = {
  'host-port': ['mac', 'isUp'],
  gateway: ['addresses'],
};

/** Properties that cannot change on what stands. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  guard: ['name'],
  'logical-port': ['switch', 'name', 'type'],
  limit: ['switch'],
  'host-port': ['device', 'logicalPort'],
  tap: ['device', 'owner'],
  port: ['device', 'logicalPort', 'namespace', 'isAttached'],
  inside: ['namespace', 'device'],
};

export function updatesInPlace(before: Resource, _after: Resource, changed: readonly string[]): boolean {
  return !changed.some((name) => FIXED[before.kind]?.includes(name));
}

/** What the machines behind a resource feel when it changes. Pure. */
export function impactOf(change: Change): Impact {
  switch (change.action) {
    case 'create':
      return 'none';
    case 'delete':
      return change.before.kind === 'tap' || change.before.kind === 'port' ? 're-plug' : 'live';
    case 'replace':
      // A tap that is made anew is another device to the machine; a port is in the switch again at once.
      return change.after.kind === 'tap' ? 're-plug' : 'brief-loss';
    case 'update':
      return change.changed.some((name) => INTERRUPTING[change.after.kind]?.includes(name))
        ? 'brief-loss'
        : 'live';
  }
}
