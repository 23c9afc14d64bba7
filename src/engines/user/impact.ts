import type { Change, Impact } from '../../plan/resource.js';

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
        return change.changed.some((name) => ADDRESSING.has(name)) ? 'brief-loss' : 'live';
      return 'live';
  }
}
