/**
 * The engine of servers: kernel bridges and taps, nftables and dnsmasq. This file only puts the parts together; the
 * segment is beside it, the gateway is the module it shares with other engines of the kernel.
 */
import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lookUnder } from '../../abort-signals.js';
import { type Run, runnerIn } from '../../clients/command/run.js';
import { readAddresses, readLinks } from '../../clients/iproute/links.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import { type Change, type Impact, type Resource, subjectOf } from '../../plan/resource.js';
import type { Capabilities, Engine, EngineContext } from '../contract.js';
import { nothingWithoutPrograms } from '../kernel-gateway/absent-programs.js';
import { carryOut, commandsOf, emptyWork } from '../kernel-gateway/kernel-work.js';
import { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { tracePackets } from '../kernel-gateway/trace/trace-packets.js';
import { capturePackets } from '../../clients/dumpcap/capture.js';
import { checkLinux } from './check.js';
import { desireLinux } from './desire.js';
import { portId } from './desire-ports.js';
import { PROVIDER } from './identity.js';
import { doctor } from './doctor.js';
import { impactOf } from './impact.js';
import { IntentFile } from './intents.js';
import { leaseRecords } from '../kernel-gateway/dhcp/lease-records.js';
import { NETWORK_KEYS, NIC_KEYS } from './keys.js';
import {
  FIXED_MACVTAP_PROPERTIES,
  MACVTAP_KIND,
  macvtapDescriptor,
  macvtapNode,
  nodeCommands,
  settleNodes,
} from './macvtap.js';
import { netdevArguments } from './netdev.js';
import { type Intents, observeSegments, listSegmentTables } from './observe.js';
import { nicOptions } from './options.js';
import { FIXED_TUNNEL_PROPERTIES, TUNNEL_KIND } from './overlay/tunnel.js';
import { preflight } from './preflight.js';
import { linkOf, stageSegment } from './stage.js';
import { readStatus } from './status.js';
import { FIXED_TAP_PROPERTIES, TAP_KIND } from './tap.js';
import { HostBridges } from './uplink/host-bridge.js';
import { readHostBridge } from './uplink/host-part.js';
import { operatorPeer } from './uplink/operator-peer.js';
import { uplinkCommands } from './uplink/uplink-commands.js';
import { UplinkKeeper } from './uplink/uplink-keeper.js';
import { UPLINK_KIND } from './uplink/uplink-resource.js';
import { FIXED_VETH_PROPERTIES, VETH_KIND } from './veth.js';

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

export interface LinuxHost {
  /** Named network namespace that is taken for the host; absent: the one this process is in. */
  readonly namespace?: string;
  /** How long a change of the uplink stays open before it is reverted. */
  readonly commitLimitMs?: number;
  /** Addresses that must go on answering when the uplink changes; absent: whoever is logged in by SSH here. */
  readonly peers?: readonly string[];
}

const COMMIT_LIMIT_MS = 60_000;

export function createLinuxEngine(context: EngineContext, host: LinuxHost = {}): Engine {
  const { project, places } = context;
  const run = runnerIn(host.namespace);
  const directory = join(places.runDir, PROVIDER);
  const gateway = new KernelGateway(context, PROVIDER, run);
  const intents = new IntentFile(join(directory, 'links.json'));
  const uplinks = new UplinkKeeper({
    project,
    directory,
    namespace: host.namespace,
    limitMs: host.commitLimitMs ?? COMMIT_LIMIT_MS,
    peers: async () => host.peers ?? [(await operatorPeer()) ?? []].flat(),
  });
  const hostBridges = new HostBridges(project, directory, uplinks.records, run);
  const hasVhost = existsSync('/dev/vhost-net');

  const observe = async (asked: AbortSignal): Promise<Resource[]> => {
    const signal = lookUnder(asked);
    const [links, addresses, intended] = await Promise.all([
      readLinks(run, signal),
      readAddresses(run, signal),
      intents.read(),
      // Of the same look: what follows finds them read.
      listSegmentTables(run, project, signal),
      gateway.readTable(signal),
    ]);
    hostBridges.see(links);
    const names = new Set(links.map(({ ifname }) => ifname));
    const [segments, gateways] = await Promise.all([
      observeSegments(run, project, links, intended, (network) => uplinks.record(network), signal),
      gateway.observe(addresses, names, signal),
    ]);
    return withMachines([...segments, ...gateways]);
  };

  return {
    name: PROVIDER,
    capabilities: CAPABILITIES,
    desire: (topology) => desireLinux(project, topology),
    portId,
    check: checkLinux,
    preflight: async (topology, signal) => {
      const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
      return (
        await Promise.all([
          preflight(run, project, topology, signal),
          gateway.problems(networks, topology, signal),
        ])
      ).flat();
    },
    observe: (signal) => nothingWithoutPrograms(observe(signal)),
    async execute(changes, signal) {
      const others = await hostBridges.settle(changes, signal);
      await execute({ run, project, directory, gateway, intents, uplinks }, others, signal);
    },
    updatesInPlace,
    impactOf: (change): Impact => impactOf(change),
    commandsFor(change) {
      const ofHost = hostBridges.commandsFor(change);
      if (ofHost !== undefined) return ofHost;
      const work = emptyWork();
      if (subjectOf(change).kind === UPLINK_KIND) return uplinkCommands(project, change);
      stageSegment(project, change, work);
      const isMacvtap = subjectOf(change).kind === MACVTAP_KIND;
      const own = [...commandsOf(work), ...(isMacvtap ? nodeCommands(change) : [])];
      return own.length > 0 ? own : gateway.commandsFor(change);
    },
    commit: () => uplinks.commit(),
    hostBridges: (topology, signal) =>
      Promise.all(
        topology.networks
          .filter(({ engine, mode }) => engine === PROVIDER && mode === 'bridge')
          .map(async (network) => {
            const leased = (await uplinks.records.read(network.name))?.leased ?? [];
            return readHostBridge(run, project, network, leased, signal);
          }),
      ),
    descriptors: (nic) =>
      nicOptions(nic).attach === 'macvtap'
        ? [{ fd: macvtapDescriptor(nic), path: macvtapNode(nic.interfaceName) }]
        : [],
    netdev: (nic, network) => netdevArguments(nic, network, hasVhost),
    status: (signal) => readStatus(run, project, gateway, uplinks, signal),
    leases: async (signal) => leaseRecords(await observe(signal), await gateway.leases()),
    capture: (nic, _network, signal) => capturePackets(host.namespace, nic.interfaceName, signal),
    trace: (nic, _network, signal) => [tracePackets(host.namespace, project, nic, signal)],
    doctor: (signal) => doctor(run, gateway, signal),
  };
}

interface Parts {
  readonly run: Run;
  readonly project: string;
  readonly directory: string;
  readonly gateway: KernelGateway;
  readonly intents: IntentFile;
  readonly uplinks: UplinkKeeper;
}

async function execute(parts: Parts, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  const { run, project, directory, gateway, intents, uplinks } = parts;
  // The host's routes stay as they are but where its NIC goes into a bridge or out of one: else they are read once.
  const movesUplink = changes.some((change) => subjectOf(change).kind === UPLINK_KIND);
  const gatewaySignal = movesUplink ? signal : lookUnder(signal);
  await gateway.retire(changes, gatewaySignal);
  await uplinks.giveBack(changes, signal);
  const work = emptyWork();
  const knowsForceForwarding = await gateway.knowsForceForwarding(signal);
  const hasMacvtaps = changes.some((change) => subjectOf(change).kind === MACVTAP_KIND);
  const routes = hasMacvtaps ? await readRoutes(run, signal) : [];
  for (const change of withoutContained(changes)) {
    stageSegment(project, change, work, routes);
    gateway.stage(change, work, knowsForceForwarding);
  }
  const coming = intentsOf(changes);
  if (coming.size > 0) await intents.write(coming);
  await carryOut(run, work, { directory, signal });
  await intents.clear();
  if (hasMacvtaps) await settleNodes(run, changes, await readLinks(run, signal), signal);
  await uplinks.take(changes, signal);
  await gateway.serve(changes, gatewaySignal);
  await uplinks.sweep(signal);
  await rmdir(join(directory, 'dnsmasq')).catch(() => undefined);
  await rmdir(directory).catch(() => undefined);
}

/** What is in a table that goes, goes with it. */
function withoutContained(changes: readonly Change[]): Change[] {
  const gone = new Set(changes.flatMap((change) => (change.action === 'delete' ? [change.before.id] : [])));
  const isInside = (change: Change): boolean =>
    change.action === 'delete' &&
    ['elements', 'closedTo', 'burstBytes'].some((property) => property in change.before.properties) &&
    change.before.needs.some((id) => gone.has(id) && id.includes('/nft-table/'));
  return changes.filter((change) => !isInside(change));
}

function intentsOf(changes: readonly Change[]): Intents {
  return new Map(
    changes.flatMap((change) => {
      const link = change.action === 'delete' ? undefined : linkOf(change.after);
      return link === undefined ? [] : [[link.device, link.mark] as const];
    }),
  );
}

/** The machines that feel a network's own resources are those with a port on its bridge. */
function withMachines(resources: readonly Resource[]): Resource[] {
  const byNetwork = new Map(
    resources.filter(({ kind }) => kind === 'bridge').map(({ id, affects }) => [id.split('/')[2], affects]),
  );
  const kinds = new Set(['gateway', 'policy']);
  return resources.map((resource) =>
    kinds.has(resource.kind)
      ? { ...resource, affects: byNetwork.get(resource.id.split('/')[2]) ?? [] }
      : resource,
  );
}

function updatesInPlace(before: Resource, _after: Resource, changed: readonly string[]): boolean {
  const isHalfMade = linkOf(before) !== undefined && !('isUp' in before.properties);
  if (isHalfMade) return false;
  if (before.kind === TAP_KIND) return !changed.some((name) => FIXED_TAP_PROPERTIES.has(name));
  if (before.kind === MACVTAP_KIND) return !changed.some((name) => FIXED_MACVTAP_PROPERTIES.has(name));
  if (before.kind === TUNNEL_KIND) return !changed.some((name) => FIXED_TUNNEL_PROPERTIES.has(name));
  if (before.kind === VETH_KIND) return !changed.some((name) => FIXED_VETH_PROPERTIES.has(name));
  return true;
}
