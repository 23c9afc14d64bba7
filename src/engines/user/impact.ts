import type { Change, Impact, Resource } from '../../plan/resource.js';

/** Changes of a network that its machines feel as more than the next DHCP renewal. */
const ADDRESSING = new Set(['ipv4', 'ipv6', 'mode', 'gatewayMac']);
/** Changes of a port after which the machine must bring its NIC up anew. */
const IDENTITY = new Set(['mac', 'network', 'socketPath', 'protocol', 'tap']);

/** What the machines behind a resource of the fabric feel when it changes. Pure. */
export function impactOf(change: Change): Impact {
  switch (change.action) {
    case 'create':
      return 'none';
    case 'delete':
      return ['port', 'namespace'].includes(change.before.kind) ? 're-plug' : 'live';
    case 'replace':
      // A new fabric dials the machines anew: frames of a second are lost, connections through the NAT end.
      return 'brief-loss';
    case 'update':
      if (change.after.kind === 'port')
        return change.changed.some((name) => IDENTITY.has(name)) ? 're-plug' : 'live';
      if (change.after.kind === 'network')
        return impactOnNetwork(change.before, change.after, change.changed);
      return 'live';
  }
}

function impactOnNetwork(before: Resource, after: Resource, changed: readonly string[]): Impact {
  const [had, has] = [before, after].map(({ properties }) => Number(properties['mtuBytes']));
  // A guest keeps the MTU that its NIC began with, and what is larger than the network's now is dropped.
  if (had !== undefined && has !== undefined && has < had) return 're-plug';
  return changed.some((name) => ADDRESSING.has(name)) ? 'brief-loss' : 'live';
}
