/** What on this host stands in the way of tunnels to others. Pure. */
import type { Link } from '../../../clients/iproute/links.js';
import type { Problem } from '../../../errors.js';
import type { Network } from '../../../topology/topology.js';
import { VXLAN_PORT } from '../../../wire/vxlan.js';
import { underlayProblems } from '../../underlay.js';
import { markOf } from '../marks.js';
import { spreadNetworks } from './peer-table.js';

/** @param hostAddresses of every link, canonical text. */
export function tunnelObstacles(
  project: string,
  networks: readonly Network[],
  links: readonly Link[],
  hostAddresses: ReadonlySet<string>,
): Problem[] {
  return [
    ...underlayProblems('linux/underlay-not-here', networks, hostAddresses),
    ...spreadNetworks(networks).flatMap(
      ({ network: { name, source }, overlay: { identifier } }): Problem[] => {
        const other = links.find(
          ({ kind, info, altnames }) =>
            kind === 'vxlan' &&
            info['id'] === identifier &&
            info['port'] === VXLAN_PORT &&
            markOf(project, altnames) === undefined,
        );
        if (other === undefined) return [];
        return [
          {
            code: 'linux/tunnel-identifier-taken',
            message: `network ${name} has the identifier ${identifier} between hosts, and so has ${other.ifname} on this one`,
            fix: `find out whose it is (\`ip -d link show ${other.ifname}\`); if nobody's, \`ip link delete ${other.ifname}\``,
            at: source,
          },
        ];
      },
    ),
  ];
}
