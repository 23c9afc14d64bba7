/**
 * Addresses that OVN itself gives by DHCP. It keeps no lease: whoever asks at a port is told the port's own address, the one
 * in the file, each time anew. So they are told of here as what they are, fixed and without an end. Pure.
 */
import type { Resource } from '../../plan/resource.js';
import type { LeaseRecord } from '../contract.js';
import { machineOf, nameOf } from '../open-vswitch/owner.js';
import { propertiesOf } from './resources.js';

export function fixedLeases(resources: readonly Resource[]): LeaseRecord[] {
  return resources
    .filter(({ kind }) => kind === 'logical-port')
    .flatMap((resource): LeaseRecord[] => {
      const { dhcp, addresses, hostname } = propertiesOf(resource, 'logical-port');
      const [mac, address] = addresses.find((each) => each.includes(' '))?.split(' ') ?? [];
      if (dhcp === undefined || mac === undefined || address === undefined) return [];
      return [
        {
          network: dhcp,
          machine: machineOf(nameOf(resource.id)),
          mac,
          address,
          ...(hostname !== undefined && { hostname }),
        },
      ];
    });
}
