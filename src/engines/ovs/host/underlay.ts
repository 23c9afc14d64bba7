/**
 * What tunnels of this host go out by. The kernel's datapath leaves that to the host's routes. The userspace one finds
 * its way only through a bridge of its own kind that bears the address (ovs-vswitchd's native tunneling). Pure.
 */
import type { InterfaceAddress } from '../../../clients/iproute/links.js';
import { type Row, textOf } from '../../../clients/ovsdb/datum.js';
import type { Problem } from '../../../errors.js';
import type { Network } from '../../../topology/topology.js';
import { underlayProblems } from '../../underlay.js';
import { type HostFacts, datapathOf } from '../desire.js';
import { networkOptions } from '../options.js';

/** @param bridges all that this switch has, with `name` and `datapath_type`. @param uplinks NICs that come into one. */
export function tunnelObstacles(
  networks: readonly Network[],
  addresses: readonly InterfaceAddress[],
  bridges: readonly Row[],
  uplinks: ReadonlySet<string>,
  facts: HostFacts,
): Problem[] {
  const netdevBridges = new Set(
    bridges.filter((row) => textOf(row, 'datapath_type') === 'netdev').map((row) => textOf(row, 'name')),
  );
  const unswitched = networks.flatMap((network): Problem[] => {
    const { overlay, name, source } = network;
    const device = addresses.find(({ address }) => address === overlay?.localAddress)?.ifname;
    if (overlay === undefined || device === undefined) return [];
    if (datapathOf(network, facts) === 'system' || netdevBridges.has(device) || uplinks.has(device))
      return [];
    return [
      {
        code: 'ovs/underlay-not-switched',
        message: `network ${name} goes to other hosts from ${overlay.localAddress} on ${device}, where the userspace datapath finds no way out`,
        fix: `put ${device} into a network of its own, \`{ mode: bridge, uplink: ${device} }\` with a machine of this host, or: ovs-vsctl add-br br-${device} -- set Bridge br-${device} datapath_type=netdev -- add-port br-${device} ${device}, and move the address to br-${device}`,
        at: source,
      },
    ];
  });
  const ours = new Set(addresses.map(({ address }) => address));
  return [...underlayProblems('ovs/underlay-not-here', networks, ours), ...unswitched];
}

/** Devices that a network of ours takes in. @param defaultDevice the one with the default route. */
export function uplinksOf(
  networks: readonly Network[],
  defaultDevice: string | undefined,
): ReadonlySet<string> {
  return new Set(
    networks
      .filter(({ mode }) => mode === 'bridge')
      .flatMap((network) => namedUplinks(network))
      .flatMap((uplink) => (uplink === 'default' ? (defaultDevice ?? []) : uplink)),
  );
}

/** As the file names them. */
export function namedUplinks(network: Network): readonly string[] {
  return networkOptions(network).bond?.members ?? [network.uplink ?? 'default'];
}
