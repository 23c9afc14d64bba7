import { readAddresses } from '../../clients/iproute/links.js';
import { textOf } from '../../clients/ovsdb/datum.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { PasserelleError, type Problem } from '../../errors.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { linksByName } from '../open-vswitch/kernel-view.js';
import { isOfProject } from '../project-marks.js';
import { datapathOf, networksOf } from './desire.js';
import { type Chassis, openLocal, type OvnHost } from './host.js';
import { nicPortName, resourceId } from './identity.js';
import { integrationDatapath, type LocalSnapshot, readLocal } from './local/snapshot.js';
import { openNorthbound } from './northbound/remotes.js';
import { readNorthbound } from './northbound/snapshot.js';
import { nicOptions } from './options.js';
import { readinessOf } from './readiness.js';
import { underlayProblems } from './underlay.js';

/** What stands in the way on this host right now; OVN that does not work is in the way of everything. */
export async function preflightOvn(
  host: OvnHost,
  project: string,
  topology: Topology,
  signal: AbortSignal,
): Promise<Problem[]> {
  const networks = networksOf(topology);
  if (networks.length === 0) return [];
  const names = new Set(networks.map(({ name }) => name));
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter(({ network }) => names.has(network));
  let local: OvsdbDatabase;
  try {
    local = await openLocal(host, signal);
  } catch (error) {
    if (error instanceof PasserelleError) return [...error.problems];
    throw error;
  }
  try {
    const snapshot = await readLocal(local, project, signal);
    const { problems } = await readinessOf(host, snapshot, signal);
    const { chassis } = snapshot;
    if (problems.length > 0 || chassis === undefined) return [...problems];
    return [
      ...(await takenInterfaces(host, project, networks, nics, snapshot, signal)),
      ...networks.flatMap((network) => datapathProblems(network, host, snapshot)),
      ...networks.flatMap((network) => mappingProblems(network, chassis)),
      ...underlayProblems(networks, await readAddresses(host.run, signal), snapshot),
      ...(topology.elsewhere === undefined ? await heldElsewhere(host, project, chassis, nics, signal) : []),
    ];
  } finally {
    local.close();
  }
}

async function takenInterfaces(
  host: OvnHost,
  project: string,
  networks: readonly Network[],
  nics: readonly Nic[],
  { ports }: LocalSnapshot,
  signal: AbortSignal,
): Promise<Problem[]> {
  const links = await linksByName(host.run, signal);
  const ours = new Set([...ports.values()].map(({ device }) => device));
  const outside = nics.filter((nic) => nicOptions(nic).attach !== 'netns');
  return [...networks, ...outside].flatMap(({ interfaceName, source }): Problem[] => {
    const link = links.get(interfaceName);
    // Of another engine of the project: this `up` takes it away.
    if (link === undefined || ours.has(interfaceName) || isOfProject(project, link.altnames)) return [];
    return [
      {
        code: 'ovn/interface-name-taken',
        message: `there is an interface ${interfaceName} already, and it is not of this project`,
        fix: `find out whose it is (\`ip -d link show ${interfaceName}\`); if nobody's, delete it`,
        at: source,
      },
    ];
  });
}

/** QEMU must know of the datapath before it starts: what it leaves to an offload, the userspace one does not do. */
function datapathProblems(network: Network, host: OvnHost, snapshot: LocalSnapshot): Problem[] {
  const [expected, standing] = [datapathOf(network, host), integrationDatapath(snapshot)];
  if (standing === expected) return [];
  return [
    {
      code: 'ovn/other-datapath',
      message: `the integration bridge has the datapath ${standing}, and network ${network.name} expects ${expected}`,
      fix: `write \`datapath: ${standing}\`, or: ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-datapath-type=${expected}`,
      at: network.source,
    },
  ];
}

function mappingProblems(network: Network, { physicalNetworks }: Chassis): Problem[] {
  const { mode, uplink, name } = network;
  if (mode !== 'bridge' || uplink === undefined || physicalNetworks.includes(uplink)) return [];
  const known = physicalNetworks.length === 0 ? 'it names none' : `it names ${physicalNetworks.join(', ')}`;
  return [
    {
      code: 'ovn/no-such-mapping',
      message: `network ${name} goes to ${uplink}, and this host does not say by which bridge: ${known}`,
      fix: `ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=${uplink}:BRIDGE, with a bridge that holds the NIC`,
      at: locationOfKey(network, 'uplink'),
    },
  ];
}

/** A project of one host that another host has brought up too: both would pull at the same ports. */
async function heldElsewhere(
  host: OvnHost,
  project: string,
  chassis: Chassis,
  nics: readonly Nic[],
  signal: AbortSignal,
): Promise<Problem[]> {
  const northbound = await openNorthbound(host, chassis, signal);
  try {
    const { find } = await readNorthbound(northbound, project, signal);
    return nics.flatMap((nic): Problem[] => {
      const row = find('Logical_Switch_Port', resourceId('logical-port', nic.id));
      const other = row?.chassis.find((each) => each !== chassis.name);
      if (row === undefined || other === undefined || row.chassis.includes(chassis.name)) return [];
      return [
        {
          code: 'ovn/held-elsewhere',
          message: `the logical port ${textOf(row.row, 'name') ?? nicPortName(project, nic.id)} is of the chassis ${other}, where this project is up too`,
          fix: 'name the hosts of the project in the file (`hosts`), take it down there, or give this one another name',
          at: nic.source,
        },
      ];
    });
  } finally {
    northbound.close();
  }
}
