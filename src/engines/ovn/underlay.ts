/**
 * What OVN's tunnels go out by on this host. The kernel's datapath leaves that to the host's routes. The userspace one finds
 * its way only through a bridge of its own kind that bears the address (ovs-vswitchd's native tunneling). Pure.
 */
import type { InterfaceAddress } from '../../clients/iproute/links.js';
import { textOf } from '../../clients/ovsdb/datum.js';
import type { Problem } from '../../errors.js';
import type { Network } from '../../topology/topology.js';
import { integrationDatapath, type LocalSnapshot } from './local/snapshot.js';

export function underlayProblems(
  networks: readonly Network[],
  addresses: readonly InterfaceAddress[],
  snapshot: LocalSnapshot,
): Problem[] {
  const spread = networks.find(({ overlay }) => overlay !== undefined);
  const encapsulation = snapshot.chassis?.encapsulationAddresses ?? [];
  if (spread === undefined) return [];
  const ways = encapsulation.map((address) => ({
    address,
    device: addresses.find((each) => each.address === address)?.ifname,
  }));
  const netdevBridges = new Set(
    snapshot.bridges
      .filter((row) => textOf(row, 'datapath_type') === 'netdev')
      .map((row) => textOf(row, 'name')),
  );
  const isKernel = integrationDatapath(snapshot) !== 'netdev';
  if (ways.some(({ device }) => device !== undefined && (isKernel || netdevBridges.has(device)))) return [];
  const here = ways.find(({ device }) => device !== undefined);
  return [
    here === undefined
      ? {
          code: 'ovn/underlay-not-here',
          message: `tunnels of OVN begin at ${encapsulation.join(', ') || 'no address'} here, which is none of this host`,
          fix: 'ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-ip=ADDRESS, one that the other hosts reach this one at',
          at: spread.source,
        }
      : {
          code: 'ovn/underlay-not-switched',
          message: `tunnels of OVN begin at ${here.address} on ${here.device}, where the userspace datapath finds no way out`,
          fix: `ovs-vsctl add-br br-${here.device} -- set Bridge br-${here.device} datapath_type=netdev -- add-port br-${here.device} ${here.device}, and move the address to br-${here.device}`,
          at: spread.source,
        },
  ];
}
