/**
 * The engine of OVN: networks that are logical switches, on any number of hosts, with OVN's own tunnels between them. This
 * file only puts the parts together. Segments, ports, DHCP of isolated networks and anti-spoofing are rows of the northbound
 * database; the gateway of a network is the kernel of one host, by the module that the engines of the kernel share
 * (docs/decisions/0011-ovn.md).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { capturePackets } from '../../clients/dumpcap/capture.js';
import type { Resource } from '../../plan/resource.js';
import type { Topology } from '../../topology/topology.js';
import type { Capabilities, Engine, EngineContext } from '../contract.js';
import { nothingWithoutPrograms } from '../kernel-gateway/absent-programs.js';
import { desireGateway, hasGatewayHere } from '../kernel-gateway/desire.js';
import { desireDhcp } from '../kernel-gateway/dhcp/dhcp-resources.js';
import { leaseRecords } from '../kernel-gateway/dhcp/lease-records.js';
import { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { namespaceOf } from '../open-vswitch/inside.js';
import { netdevArguments } from '../open-vswitch/netdev.js';
import { checkOvn } from './check.js';
import { commandsForOvn } from './commands.js';
import { datapathOf, desireSegments, networksOf } from './desire.js';
import { doctorOvn } from './doctor.js';
import { executeOvn } from './execute.js';
import { localHost, type OvnHost } from './host.js';
import { ownerOf, PROVIDER, resourceId } from './identity.js';
import { impactOf, updatesInPlace } from './impact.js';
import { NETWORK_KEYS, NIC_KEYS } from './keys.js';
import { fixedLeases } from './leases.js';
import { observeOvn } from './observe.js';
import { nicOptions } from './options.js';
import { preflightOvn } from './preflight.js';
import { asServed, hasServer, serverPlace } from './server.js';
import { readStatus } from './status.js';
import { traceOvn } from './trace/trace-packets.js';

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

export function createOvnEngine(context: EngineContext, host: OvnHost = localHost(process.env)): Engine {
  const { project, places } = context;
  const { run } = host;
  const directory = join(places.runDir, PROVIDER);
  const gateway = new KernelGateway(context, PROVIDER, run);
  const hasVhost = existsSync('/dev/vhost-net');

  const observe = async (signal: AbortSignal): Promise<Resource[]> =>
    observeOvn(
      host,
      project,
      async ({ addresses, links }) => gateway.observe(addresses, new Set(links.keys()), signal),
      signal,
    );

  return {
    name: PROVIDER,
    capabilities: CAPABILITIES,
    desire: (topology) => desire(project, topology, host),
    portId: (nic) => resourceId('port', nic.id),
    check: checkOvn,
    preflight: async (topology, signal) =>
      (
        await Promise.all([
          preflightOvn(host, project, topology, signal),
          gateway.problems(networksOf(topology).filter(hasGatewayHere), topology, signal),
        ])
      ).flat(),
    observe: (signal) => nothingWithoutPrograms(observe(signal)),
    execute: (changes, signal) => executeOvn({ host, project, gateway, directory, signal }, changes),
    updatesInPlace,
    impactOf,
    commandsFor(change) {
      const own = commandsForOvn(project, change);
      return own.length > 0 ? own : gateway.commandsFor(change);
    },
    netdev: (nic, network) => netdevArguments(nic, network, datapathOf(network, host), hasVhost, 'pslovn'),
    status: (signal) => readStatus(host, project, gateway, signal),
    async leases(signal) {
      const standing = await observe(signal);
      return [...leaseRecords(standing, await gateway.leases()), ...fixedLeases(standing)];
    },
    capture: (nic, _network, signal) =>
      capturePackets(
        namespaceOf(ownerOf(project), { nic, options: nicOptions(nic) }) ?? host.namespace,
        nic.interfaceName,
        signal,
      ),
    trace: (nic, network, signal) => traceOvn(host, project, nic, network, signal),
    doctor: (signal) => doctorOvn(host, signal),
  };
}

function desire(project: string, topology: Topology, host: OvnHost): Resource[] {
  const networks = networksOf(topology);
  const placeOf = (network: (typeof networks)[number]) => serverPlace(project, network);
  return [
    ...desireSegments(project, topology, host),
    ...desireGateway({
      project,
      provider: PROVIDER,
      topology,
      networks: networks.filter(hasGatewayHere),
      segmentId: (network) => resourceId('host-port', network.name),
      isolatedServer: placeOf,
    }),
    ...desireDhcp(PROVIDER, topology, networks.filter(hasServer).map(asServed), placeOf),
  ];
}
