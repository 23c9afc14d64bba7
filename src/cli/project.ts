/**
 * Composition: from the file and the host to a topology, the engines that serve it and the resources it wants. The one
 * place where the layers meet; verbs take what they need of a `Project`.
 */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Engine, EngineContext, QemuArguments } from '../engines/contract.js';
import { ENGINES } from '../engines/registry.js';
import { PasserelleError, type Problem } from '../errors.js';
import { desiredMachines } from '../machines/desire.js';
import { machineProblems } from '../machines/preflight.js';
import { MachineProvider } from '../machines/provider.js';
import type { Providers } from '../plan/plan.js';
import { writeJsonFile } from '../plan/json-file.js';
import type { ResourceProvider } from '../plan/provider.js';
import type { Resource } from '../plan/resource.js';
import { type Places, placesOf } from '../places.js';
import { loadSpec } from '../spec/load.js';
import type { Spec } from '../spec/spec.js';
import { rememberedChoices } from '../topology/remembered.js';
import { resolveTopology } from '../topology/resolve.js';
import {
  ENGINE_NAMES,
  type EngineName,
  type Machine,
  type Network,
  type Nic,
  type Topology,
} from '../topology/topology.js';
import { CHOICES_FILE, readHostFacts } from './host-facts.js';
import type { CommonOptions, Session } from './session.js';
import { supportProblems } from './support.js';
import { thisHost } from './this-host.js';

export interface Project {
  readonly topology: Topology;
  readonly places: Places;
  readonly engines: Engines;
  readonly providers: Providers;
  readonly desired: readonly Resource[];
}

type Engines = ReadonlyMap<EngineName, Engine>;

/**
 * Reads the file and decides everything that it leaves open: for verbs that look at what stands.
 * @throws PasserelleError with every problem of the file, exit status 2; nothing is touched.
 */
export async function readProject(session: Session, options: CommonOptions): Promise<Project> {
  const resolved = await resolveSpec(session, options, await readSpec(options));
  const problems = fileProblems(resolved);
  if (problems.length > 0) throw new PasserelleError(problems, 2);
  return projectOf(session, options, resolved);
}

/**
 * The same for verbs that change something or say what would be changed: the host is asked too, when the file is in
 * order.
 * @throws PasserelleError with every problem of the file, or else of the host, exit status 2; nothing is touched.
 */
export async function openProject(session: Session, options: CommonOptions): Promise<Project> {
  return openSpec(session, options, await readSpec(options));
}

/** The same from a file that has been read. */
export async function openSpec(session: Session, options: CommonOptions, spec: Spec): Promise<Project> {
  const resolved = await resolveSpec(session, options, spec);
  const { topology, places, engines } = resolved;
  const ofFile = fileProblems(resolved);
  const ofEngines =
    ofFile.length > 0
      ? []
      : (
          await Promise.all(
            concernedBy(topology, engines).map((engine) => engine.preflight(topology, session.signal)),
          )
        ).flat();
  const { environment } = session;
  const ofMachines = await machineProblems(topology, {
    places,
    directory: directoryOf(options),
    environment,
  });
  const problems = [...ofFile, ...ofEngines, ...ofMachines];
  if (problems.length > 0) throw new PasserelleError(problems, 2);
  return projectOf(session, options, resolved);
}

interface ResolvedFile {
  readonly topology: Topology;
  readonly places: Places;
  readonly engines: Engines;
}

async function resolveSpec(session: Session, options: CommonOptions, spec: Spec): Promise<ResolvedFile> {
  const places = placesOfProject(session, spec.project);
  const self = thisHost(spec, options.host, hostname());
  const facts = await readHostFacts(places);
  const resolved = resolveTopology(spec, { ...facts, ...(self !== undefined && { self }) });
  if ('problems' in resolved) throw new PasserelleError(resolved.problems, 2);
  const { topology } = resolved;
  const engines = enginesOf({ project: topology.project, places }, enginesOfNetworks(topology));
  return { topology, places, engines };
}

function projectOf(
  session: Session,
  options: CommonOptions,
  { topology, places, engines }: ResolvedFile,
): Project {
  const desired = [
    ...[...engines.values()].flatMap((engine) => engine.desire(topology)),
    ...desiredMachines(topology, {
      directory: directoryOf(options),
      nicArguments: (nic) => netdevOf(topology, engines, nic),
      nicDescriptors: (nic) => engineAndNetwork(topology, engines, nic).engine.descriptors?.(nic) ?? [],
      needs: (machine) =>
        machine.nics.map((nic) => engineAndNetwork(topology, engines, nic).engine.portId(nic)),
    }),
  ];
  const machines = new MachineProvider({ places, environment: session.environment });
  return { topology, places, engines, providers: providersOf(engines, machines), desired };
}

function directoryOf(options: CommonOptions): string {
  return resolve(dirname(options.file));
}

/** A project that may be up although its file is gone or broken: all that `down` needs. */
export async function findProject(
  session: Session,
  options: CommonOptions & { project?: string },
): Promise<{ name: string; places: Places; providers: Providers }> {
  const name = options.project ?? (await readSpec(options)).project;
  const places = placesOfProject(session, name);
  const machines = new MachineProvider({ places, environment: session.environment });
  return {
    name,
    places,
    providers: providersOf(enginesOf({ project: name, places }, new Set()), machines),
  };
}

/** Addresses and subnets chosen now are chosen again next time, whatever else the file then says. */
export async function rememberChoices(project: Project): Promise<void> {
  await mkdir(project.places.stateDir, { recursive: true, mode: 0o700 });
  await writeJsonFile(join(project.places.stateDir, CHOICES_FILE), rememberedChoices(project.topology));
}

/** @throws PasserelleError `machine/unknown` with the names there are, `machine/elsewhere`. */
export function machineNamed(project: Project, name: string): Machine {
  const machine = project.topology.machines.find((one) => one.name === name);
  if (machine !== undefined) return machine;
  const other = project.topology.elsewhere?.find((one) => one.name === name)?.host;
  if (other !== undefined) {
    throw new PasserelleError({
      code: 'machine/elsewhere',
      message: `machine ${name} lives on host ${other}`,
      fix: `run the command there`,
    });
  }
  throw new PasserelleError({
    code: 'machine/unknown',
    message: `no machine is named ${JSON.stringify(name)}`,
    fix: `one of: ${project.topology.machines.map((one) => one.name).join(', ')}`,
  });
}

export function engineOf(project: Project, nic: Nic): Engine {
  return engineAndNetworkOf(project, nic).engine;
}

export function engineAndNetworkOf({ topology, engines }: Project, nic: Nic): EngineAndNetwork {
  return engineAndNetwork(topology, engines, nic);
}

/** The QEMU flags that plug this NIC in. */
export function nicArguments(project: Project, nic: Nic): QemuArguments {
  return netdevOf(project.topology, project.engines, nic);
}

function netdevOf(topology: Topology, engines: Engines, nic: Nic): QemuArguments {
  const { engine, network } = engineAndNetwork(topology, engines, nic);
  return engine.netdev(nic, network, topology);
}

interface EngineAndNetwork {
  readonly engine: Engine;
  readonly network: Network;
}

function engineAndNetwork(topology: Topology, engines: Engines, nic: Nic): EngineAndNetwork {
  const network = topology.networks.find((one) => one.name === nic.network);
  const engine = network && engines.get(network.engine);
  if (network === undefined || engine === undefined)
    throw new Error(`NIC ${nic.id} is on no network of the topology`);
  return { engine, network };
}

export function placesOfProject(session: Session, project: string): Places {
  return placesOf(project, session.environment, process.getuid?.() ?? 0);
}

/** @throws PasserelleError with every problem of the file, exit status 2. */
export async function readSpec(options: CommonOptions): Promise<Spec> {
  const engine = options.engine;
  if (engine !== undefined && !isEngineName(engine)) {
    throw new PasserelleError(
      {
        code: 'engine/unknown',
        message: `no engine is named ${engine}`,
        fix: `one of: ${ENGINE_NAMES.join(', ')}`,
      },
      2,
    );
  }
  const loaded = await loadSpec(options.file, engine === undefined ? {} : { engine });
  if ('problems' in loaded) throw new PasserelleError(loaded.problems, 2);
  return loaded.spec;
}

function isEngineName(text: string): text is EngineName {
  return (ENGINE_NAMES as readonly string[]).includes(text);
}

function enginesOfNetworks(topology: Topology): ReadonlySet<EngineName> {
  return new Set(topology.networks.map((network) => network.engine));
}

/**
 * The engines to look at: those that the file uses, and every other one that may still hold something of the project
 * from an earlier file. One that needs root holds nothing that a person without it could have made.
 */
function enginesOf(context: EngineContext, used: ReadonlySet<EngineName>): Engines {
  const isRoot = process.getuid?.() === 0;
  const engines = Object.entries(ENGINES).map(
    ([name, create]) => [name as EngineName, create(context)] as const,
  );
  return new Map(
    engines.filter(([name, engine]) => used.has(name) || isRoot || !engine.capabilities.needsRoot),
  );
}

function providersOf(engines: Engines, machines: MachineProvider): Providers {
  const providers: ResourceProvider[] = [...engines.values(), machines];
  return new Map(providers.map((provider) => [provider.name, provider]));
}

/** What the engines cannot do with the topology, whatever the host. */
function fileProblems({ topology, engines }: ResolvedFile): Problem[] {
  const declared = supportProblems(topology, engines);
  if (declared.length > 0) return declared;
  return concernedBy(topology, engines).flatMap((engine) => engine.check(topology));
}

/** The engines that have a network of the topology. */
function concernedBy(topology: Topology, engines: Engines): Engine[] {
  return [...engines.values()].filter((engine) =>
    topology.networks.some((network) => network.engine === engine.name),
  );
}
