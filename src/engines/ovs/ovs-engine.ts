/**
 * The engine of Open vSwitch, driven through OVSDB itself. This file only puts the parts together: the switches are
 * beside it, the gateway is the module that the engines of the kernel share.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '../../plan/resource.js';
import type { Topology } from '../../topology/topology.js';
import type { Capabilities, Engine, EngineContext } from '../contract.js';
import { nothingWithoutPrograms } from '../kernel-gateway/absent-programs.js';
import { desireGateway } from '../kernel-gateway/desire.js';
import { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { captureNetwork, captureNic } from './capture/capture.js';
import { checkOvs } from './check.js';
import { commandsForOvs } from './commands.js';
import { datapathOf, desireSwitches } from './desire.js';
import { doctorOvs } from './doctor.js';
import { executeOvs } from './execute.js';
import { localHost, type OvsHost } from './host/host.js';
import { PROVIDER, resourceId } from './identity.js';
import { impactOf, updatesInPlace } from './impact.js';
import { leaseRecords } from '../kernel-gateway/dhcp/lease-records.js';
import { NETWORK_KEYS, NIC_KEYS } from './keys.js';
import { observeOvs } from './observed/observe.js';
import { preflightOvs } from './preflight.js';
import { readStatus } from './status.js';
import { desireTunnels } from './database/tunnels.js';
import { traceOvs } from './trace/trace-packets.js';
import { sweepUplinkFiles } from './uplink/uplink-files.js';
import { commitUplinks } from './uplink/uplink-watch.js';
import { serverPlace } from './host/server.js';
import { netdevArguments } from '../open-vswitch/netdev.js';

const CAPABILITIES: Capabilities = {
  modes: { isolated: true, nat: true, routed: true, bridge: true },
  routedOutside: true,
  publicAddresses: true,
  forwards: true,
  forwardSources: { client: true, gateway: true },
  ipv6: true,
  dhcp: true,
  dns: true,
  antiSpoofing: true,
  capture: true,
  trace: true,
  manyHosts: true,
  networkKeys: NETWORK_KEYS,
  nicKeys: NIC_KEYS,
  needsRoot: true,
  modesNeedingRoot: [],
};

export function createOvsEngine(context: EngineContext, host: OvsHost = localHost(process.env)): Engine {
  const { project, places } = context;
  const { run } = host;
  const directory = join(places.runDir, PROVIDER);
  const gateway = new KernelGateway(context, PROVIDER, run);
  const hasVhost = existsSync('/dev/vhost-net');

  const observe = async (signal: AbortSignal): Promise<Resource[]> =>
    observeOvs(
      host,
      project,
      directory,
      async ({ addresses, links }) => gateway.observe(addresses, new Set(links.keys()), signal),
      signal,
    );

  return {
    name: PROVIDER,
    capabilities: CAPABILITIES,
    desire: (topology) => desire(project, topology, host),
    portId: (nic) => resourceId('port', nic.id),
    check: checkOvs,
    preflight: async (topology, signal) => {
      const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
      return (
        await Promise.all([
          preflightOvs(host, project, topology, signal),
          gateway.problems(networks, topology, signal),
        ])
      ).flat();
    },
    observe: (signal) => nothingWithoutPrograms(observe(signal)),
    execute: (changes, signal) => executeOvs({ host, project, gateway, directory, signal }, changes),
    updatesInPlace,
    impactOf,
    commandsFor(change) {
      const own = commandsForOvs(project, change);
      return own.length > 0 ? own : gateway.commandsFor(change);
    },
    netdev: (nic, network) => netdevArguments(nic, network, datapathOf(network, host), hasVhost, 'psl'),
    status: (signal) => readStatus(host, project, gateway, directory, signal),
    leases: async (signal) => leaseRecords(await observe(signal), await gateway.leases()),
    capture: (nic, network, signal) => captureNic({ host, project, directory }, nic, network, signal),
    captureNetwork: (network, signal) => captureNetwork({ host, project, directory }, network, signal),
    trace: (nic, network, signal) => traceOvs(host, project, nic, network, signal),
    doctor: (signal) => doctorOvs(host, signal),
    commit: async () => commitUplinks(directory),
    sweep: async () => sweepUplinkFiles(directory),
  };
}

function desire(project: string, topology: Topology, host: OvsHost): Resource[] {
  const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
  return [
    ...networks.flatMap((network) => desireTunnels(project, network)),
    ...desireSwitches(project, topology, host),
    ...desireGateway({
      project,
      provider: PROVIDER,
      topology,
      networks,
      segmentId: (network) => resourceId('bridge', network.name),
      isolatedServer: (network) => serverPlace(project, network),
    }),
  ];
}
