/**
 * The engine that needs no privilege: one process, the fabric, is switch, gateway and NAT of the whole project. It is
 * told everything over its control socket and tells everything back, so that `observe` reads the data plane itself.
 */
import { timeLimited } from '../../abort-signals.js';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FabricClient } from '../../clients/fabric/client.js';
import { PasserelleError, type Problem } from '../../errors.js';
import type { FabricConfiguration } from '../../fabric/control/protocol.js';
import type { Change, Resource } from '../../plan/resource.js';
import type { Nic, Topology } from '../../topology/topology.js';
import { VERSION } from '../../version.js';
import type {
  Capabilities,
  Engine,
  EngineContext,
  EngineStatus,
  LeaseRecord,
  PacketFate,
} from '../contract.js';
import { commandsFor } from './commands.js';
import { findFabric, killFabric, startFabric, stopFabric } from './fabric-process.js';
import { inspectHost } from './doctor.js';
import { impactOf } from './impact.js';
import { NETWORK_KEYS, NIC_KEYS, NO_PUBLIC_ADDRESSES } from './keys.js';
import { checkSocketPaths, netdevArguments, nicSocketPath, vdeDirectory } from './netdev.js';
import { lanProblems } from './lan-facts.js';
import { statusNotes } from './status-notes.js';
import { underlayProblems } from '../underlay.js';
import { checkOverlays, checkVxlan } from './vxlan.js';
import { checkNics, nativeNics, nativeProblems } from './check.js';
import { changeNamespaces, configureNamespaces, observeNamespaces } from './namespaces.js';
import { readNativeFacts } from './native-facts.js';
import { tracePackets } from './trace/trace-packets.js';
import { forwardProblems, hostAddresses, missingVdePlug, readListenFacts } from './preflight.js';
import { removeDeadSockets } from './run-files.js';
import {
  desireFabric,
  observedFabric,
  operationsFor,
  operationsThatRestore,
  portId,
  PROCESS_ID,
  PROVIDER,
  UNRESPONSIVE,
} from './resources.js';

const ANSWER_TIMEOUT_MS = 10_000;

const CAPABILITIES: Capabilities = {
  modes: {
    isolated: true,
    nat: true,
    routed: true,
    bridge: true,
  },
  routedOutside:
    'the user engine owns no address outside: reach machines by forwards, or write `engine: linux`',
  publicAddresses: NO_PUBLIC_ADDRESSES,
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
  needsRoot: false,
  modesNeedingRoot: ['bridge'],
};

export function createUserEngine(context: EngineContext): Engine {
  const { places } = context;

  return {
    name: PROVIDER,
    capabilities: CAPABILITIES,
    desire: (topology) =>
      desireFabric(
        topology,
        VERSION,
        (nic) => nicSocketPath(places, nic),
        (network) => vdeDirectory(places, network),
      ),
    check: (topology) => [
      ...checkSocketPaths(places, topology),
      ...checkNics(nativeNics(topology, PROVIDER)),
      ...checkOverlays(topology),
      ...checkVxlan(topology),
    ],
    async preflight(topology, signal) {
      const networks = topology.networks.filter((network) => network.engine === PROVIDER);
      const nics = nativeNics(topology, PROVIDER);
      return [
        ...(await missingVdePlug(networks)),
        ...(nics.length === 0 ? [] : nativeProblems(nics, await readNativeFacts())),
        ...(await lanProblems(networks, signal)),
        ...underlayProblems('user/underlay-not-here', networks, hostAddresses()),
        ...(await listenProblems(context, topology, signal)),
      ];
    },
    observe: (signal) => observe(context, signal),
    execute: (changes, signal) => execute(context, changes, signal),
    updatesInPlace: (before) => before.kind !== 'process',
    impactOf,
    commandsFor: (change) => commandsFor(context, change),
    netdev: (nic, network, topology) => {
      const machine = topology.machines.find(({ name }) => name === nic.machine);
      return netdevArguments(places, nic, network, machine);
    },
    portId: (nic) => portId(nic.id),
    status: (signal) => status(context, signal),
    async leases(signal) {
      const found = await withFabric(context, signal, async (fabric) => {
        const [leases, configuration] = await Promise.all([
          fabric.call('leases', {}),
          fabric.call('configuration', {}),
        ]);
        const machineByMac = new Map(configuration.ports.map((port) => [port.mac, port.machine]));
        return leases.map((lease): LeaseRecord => {
          const machine = machineByMac.get(lease.mac);
          return { ...lease, ...(machine !== undefined && { machine }) };
        });
      });
      return found ?? [];
    },
    async *capture(nic, _network, signal) {
      const fabric = await findFabric(context, signal);
      if (fabric === undefined) throw notRunning();
      yield* fabric.capture(nic.id, signal);
    },
    trace: (nic, _network, signal) => [trace(context, nic, signal)],
    async sweep(signal) {
      const fabric = await findFabric(context, signal);
      fabric?.close();
      if (fabric !== undefined) return;
      await killFabric(context);
      await removeDeadSockets(places.runDir);
    },
    doctor: inspectHost,
  };
}

async function* trace(context: EngineContext, nic: Nic, signal: AbortSignal): AsyncIterable<PacketFate> {
  const fabric = await findFabric(context, signal);
  if (fabric === undefined) throw notRunning();
  yield* tracePackets(fabric, nic, signal);
}

/** Forwards of this engine that could not listen here. */
async function listenProblems(
  context: EngineContext,
  topology: Topology,
  signal: AbortSignal,
): Promise<Problem[]> {
  const ours = new Set(
    topology.networks.filter(({ engine }) => engine === PROVIDER).map((network) => network.name),
  );
  const forwards = topology.forwards.filter((forward) => ours.has(forward.network));
  if (forwards.length === 0) return [];
  const held = await heldConfiguration(context, signal);
  // Which ports a silent fabric holds it does not say; it goes before its successor listens.
  if (held === 'silent') return [];
  return forwardProblems(forwards, held?.configuration.forwards ?? [], await readListenFacts());
}

async function observe(context: EngineContext, signal: AbortSignal): Promise<Resource[]> {
  const held = await heldConfiguration(context, signal);
  const namespaces = await observeNamespaces(PROVIDER, context.project);
  if (held === undefined) return namespaces;
  // It runs and says nothing: seen as a process of another version, it is replaced and told everything again.
  const fabric =
    held === 'silent'
      ? observedFabric({ networks: [], ports: [], forwards: [] }, UNRESPONSIVE)
      : observedFabric(held.configuration, held.version);
  return [...namespaces, ...fabric];
}

/** What the fabric holds; `undefined` when none runs, `silent` when one runs and does not answer in time. */
async function heldConfiguration(
  context: EngineContext,
  signal: AbortSignal,
): Promise<{ configuration: FabricConfiguration; version: string } | 'silent' | undefined> {
  try {
    return await withFabric(context, signal, async (fabric) => {
      const [configuration, { version }] = await Promise.all([
        fabric.call('configuration', {}),
        fabric.call('status', {}),
      ]);
      return { configuration, version };
    });
  } catch (error) {
    signal.throwIfAborted();
    if ((error as Error).name === 'TimeoutError') return 'silent';
    throw error;
  }
}

async function execute(
  context: EngineContext,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<void> {
  const directory = context.places.runDir;
  const processChange = changes.find((change) => idOf(change) === PROCESS_ID);
  if (processChange?.action === 'delete') {
    // Everything the fabric keeps goes with it.
    if (processChange.before.properties['version'] === UNRESPONSIVE) await killFabric(context);
    else await stopFabric(context, signal);
    await removeDeadSockets(directory);
    await changeNamespaces(changes, 'delete', directory, signal);
    return;
  }
  await changeNamespaces(changes, 'create', directory, signal);
  const fabricChanges = changes.filter((change) => operationsFor([change]).length > 0);
  if (fabricChanges.length > 0 || processChange !== undefined)
    await tellFabric(context, fabricChanges, processChange, signal);
  await changeNamespaces(changes, 'delete', directory, signal);
}

async function tellFabric(
  context: EngineContext,
  changes: readonly Change[],
  processChange: Change | undefined,
  signal: AbortSignal,
): Promise<void> {
  const restored =
    processChange?.action === 'replace' ? await restart(context, processChange.before, signal) : undefined;
  mkdirSync(join(context.places.runDir, 'nics'), { recursive: true, mode: 0o700 });
  const fabric = (await findFabric(context, signal)) ?? (await startFabric(context, signal));
  try {
    const operations = [...(restored ? operationsThatRestore(restored) : []), ...operationsFor(changes)];
    if (operations.length === 0) return;
    await fabric.call('apply', { operations });
    const told = new Set(
      operations.flatMap((one) => ('put' in one && one.put === 'port' ? [one.value.id] : [])),
    );
    const configuration = await fabric.call('configuration', {});
    await configureNamespaces(told, configuration, context.places.runDir, signal);
  } finally {
    fabric.close();
  }
}

/** Ends the fabric and returns what it kept, for the next one. */
async function restart(
  context: EngineContext,
  before: Resource,
  signal: AbortSignal,
): Promise<FabricConfiguration | undefined> {
  if (before.properties['version'] === UNRESPONSIVE) {
    await killFabric(context);
    return undefined;
  }
  const kept = await withFabric(context, signal, (fabric) => fabric.call('configuration', {}));
  await stopFabric(context, signal);
  return kept;
}

async function status(context: EngineContext, signal: AbortSignal): Promise<EngineStatus> {
  const fabric = await withFabric(context, signal, (client) => client.call('status', {}));
  if (fabric === undefined) return { running: false, ports: [], notes: [] };
  return {
    running: true,
    ports: fabric.ports.map(({ id, ...counters }) => ({ nic: id, ...counters })),
    notes: statusNotes(fabric),
  };
}

/** One conversation with the fabric, with a time limit; `undefined` when none runs. */
async function withFabric<T>(
  context: EngineContext,
  signal: AbortSignal,
  task: (fabric: FabricClient) => Promise<T>,
): Promise<T | undefined> {
  const limited = timeLimited(signal, ANSWER_TIMEOUT_MS);
  const fabric = await findFabric(context, limited);
  if (fabric === undefined) return undefined;
  try {
    return await task(fabric);
  } finally {
    fabric.close();
  }
}

function idOf(change: Change): string {
  return change.action === 'delete' ? change.before.id : change.after.id;
}

function notRunning(): PasserelleError {
  return new PasserelleError({
    code: 'user/not-running',
    message: 'the network is not up',
    fix: 'run `passerelle up`',
  });
}
