import type { DnsmasqLease } from '../../../clients/dnsmasq/leases.js';
import type { Resource } from '../../../plan/resource.js';
import { cidrContains, parseCidr } from '../../../wire/cidr.js';
import { parseAddress } from '../../../wire/address.js';
import type { LeaseRecord } from '../../contract.js';
import { HOST_KIND, NETWORK_KIND } from './dhcp-resources.js';

/** Leases with the network whose subnet they are of, and the machine whose MAC asked. */
export function leaseRecords(resources: readonly Resource[], leases: readonly DnsmasqLease[]): LeaseRecord[] {
  const blocks = resources
    .filter(({ kind }) => kind === NETWORK_KIND)
    .flatMap(({ id, properties }) =>
      [properties['ipv4'], properties['ipv6']].flatMap((family) => {
        const text = (family as { readonly block?: string } | null | undefined)?.block;
        const block = text === undefined ? undefined : parseCidr(text)?.block;
        return block === undefined ? [] : [{ network: id.split('/')[2] ?? '', block }];
      }),
    );
  const machineByMac = new Map(
    resources
      .filter(({ kind }) => kind === HOST_KIND)
      .map(({ properties }) => [String(properties['mac']), String(properties['name'])]),
  );
  const newest = new Map(leases.map((lease) => [lease.address, lease]));
  return [...newest.values()].flatMap((lease): LeaseRecord[] => {
    const address = parseAddress(lease.address);
    const network = address && blocks.find(({ block }) => cidrContains(block, address))?.network;
    if (network === undefined || lease.mac === undefined) return [];
    const machine = machineByMac.get(lease.mac);
    return [{ ...lease, mac: lease.mac, network, ...(machine !== undefined && { machine }) }];
  });
}
