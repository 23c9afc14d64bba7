import { type Link, readAddresses } from '../../clients/iproute/links.js';
import { defaultRouteDevices, readRoutes } from '../../clients/iproute/routes.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { mapOf } from '../../clients/ovsdb/datum.js';
import { PasserelleError, type Problem } from '../../errors.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Topology } from '../../topology/topology.js';
import { openDatabase, type OvsHost } from './host/host.js';
import { encryptionProblems } from './database/ipsec.js';
import { isOfProject } from '../project-marks.js';
import { PROVIDER, PROJECT_KEY } from './identity.js';
import { nicOptions } from './options.js';
import { namedUplinks, tunnelObstacles, uplinksOf } from './host/underlay.js';
import { isInNamespace } from './host/places.js';
import { linksByName } from '../open-vswitch/kernel-view.js';

/** What stands in the way on this host right now; a database that does not answer is in the way of everything. */
export async function preflightOvs(
  host: OvsHost,
  project: string,
  topology: Topology,
  signal: AbortSignal,
): Promise<Problem[]> {
  const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
  if (networks.length === 0) return [];
  const names = new Set(networks.map(({ name }) => name));
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter(({ network }) => names.has(network));
  let database: OvsdbDatabase;
  try {
    database = await openDatabase(host, signal);
  } catch (error) {
    if (error instanceof PasserelleError) return [...error.problems];
    throw error;
  }
  try {
    const [global = new Map()] = await database.select('Open_vSwitch', [], ['other_config'], signal);
    const bridges = await database.select('Bridge', [], ['name', 'datapath_type', 'external_ids'], signal);
    const ours = new Set(
      bridges
        .filter((row) => mapOf(row, 'external_ids').get(PROJECT_KEY) === project)
        .map((row) => row.get('name')),
    );
    const links = await linksByName(host.run, signal);
    const taken = [...networks, ...nics.filter((nic) => !isInNamespace(nic))].flatMap(
      ({ interfaceName, source }): Problem[] => {
        const link = links.get(interfaceName);
        // Of another engine of the project: this `up` takes it away.
        if (link === undefined || ours.has(interfaceName) || isOfProject(project, link.altnames)) return [];
        return [
          {
            code: 'ovs/interface-name-taken',
            message: `there is an interface ${interfaceName} already, and it is not of this project`,
            fix: `find out whose it is (\`ip -d link show ${interfaceName}\`); if nobody's, delete it`,
            at: source,
          },
        ];
      },
    );
    const missing = networks.flatMap((network) => missingUplinks(network, links));
    const [addresses, routes] = await Promise.all([
      readAddresses(host.run, signal),
      readRoutes(host.run, signal),
    ]);
    const uplinks = uplinksOf(networks, defaultRouteDevices(routes)[0]);
    const vlanLimit = Number(mapOf(global, 'other_config').get('vlan-limit') ?? 1);
    const stacked = nics.filter((nic) => nicOptions(nic).qinq === true && vlanLimit === 1);
    return [
      ...taken,
      ...missing,
      ...(await encryptionProblems(networks, host)),
      ...tunnelObstacles(networks, addresses, bridges, uplinks, host),
      ...stacked.map(
        (nic): Problem => ({
          code: 'ovs/vlan-limit',
          message: `${nic.id} stacks VLANs, and this host's switch reads one tag a frame`,
          fix: 'ovs-vsctl set Open_vSwitch . other_config:vlan-limit=2',
          at: nic.source,
        }),
      ),
    ];
  } finally {
    database.close();
  }
}

function missingUplinks(network: Network, links: ReadonlyMap<string, Link>): Problem[] {
  const others = [...links.keys()].filter((ifname) => ifname !== 'lo').slice(0, 8);
  return namedUplinks(network)
    .filter((uplink) => uplink !== 'default' && !links.has(uplink))
    .map((uplink) => ({
      code: 'ovs/no-such-uplink',
      message: `network ${network.name} leaves by ${uplink}, and this host has no such interface`,
      fix: `name one of: ${others.join(', ')}`,
      at: locationOfKey(network, 'uplink'),
    }));
}
