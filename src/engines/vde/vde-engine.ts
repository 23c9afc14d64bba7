/**
 * The engine of VDE: a `vde_switch` for each network, told what to be over its management socket, and `vde_plug` cables
 * from it to whatever a vde_plug URL can name. Needs no root: the gateway is then the embedded data plane, behind a patch
 * panel; with root it is the kernel, behind a tap. This file only puts the parts together.
 */
import { runnerIn } from '../../clients/command/run.js';
import { PasserelleError } from '../../errors.js';
import { subjectOf } from '../../plan/resource.js';
import type { Resource } from '../../plan/resource.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { VERSION } from '../../version.js';
import { builtProgram } from '../../built-program.js';
import type { Capabilities, Engine, EngineContext } from '../contract.js';
import { checkVde } from './check.js';
import { switchCommands } from './commands.js';
import { desireVde, portNumberOf } from './desire.js';
import { doctorVde } from './doctor.js';
import { executeVde } from './execute.js';
import { gatewayCommands } from './gateway/commands.js';
import { FabricGateway } from './gateway/gateway.js';
import { desireGateways } from './gateway/objects.js';
import { gatewayCableOf, gatewayKindOf } from './gateway-choice.js';
import { Incarnations } from './incarnation.js';
import { KernelSide } from './kernel/kernel-side.js';
import { NETWORK_KEYS, NIC_KEYS } from './keys.js';
import { netdevArguments, streamArguments } from './netdev.js';
import { controlDirectory, networkFiles, nicSocket, patchSocket } from './network-files.js';
import { observeVde } from './observe.js';
import { impactOn, partOf, updatesInPlace } from './parts.js';
import { preflightVde } from './preflight.js';
import { QemuSupport } from './qemu-support.js';
import { PORT_KIND, PROVIDER, resourceId } from './resources.js';
import { readStatus } from './status.js';

const NO_CAPTURE =
  'vde_switch has no port that sees the others; capture inside the machine, or write `engine: user`';

const NO_TRACE = 'vde_switch does not tell what it drops; `engine: linux` or `user` says why a packet ends';

const CAPABILITIES: Capabilities = {
  modes: {
    isolated: true,
    nat: true,
    routed: true,
    bridge: 'the vde engine has no access to the LAN itself; write `engine: linux` for this network',
  },
  routedOutside: 'only as root, where the kernel is the gateway; otherwise reach machines by forwards',
  publicAddresses:
    'only as root, where the kernel is the gateway; otherwise give the address to the host, and write forwards that listen on it',
  forwards: true,
  forwardSources: { client: true, gateway: true },
  ipv6: true,
  dhcp: true,
  dns: true,
  antiSpoofing: 'vde_switch looks at no addresses; write `engine: user`, or `engine: linux`',
  capture: NO_CAPTURE,
  trace: NO_TRACE,
  manyHosts: 'the vde engine does not read `hosts` yet; join hosts by `plugs`, or write `engine: ovs`',
  networkKeys: NETWORK_KEYS,
  nicKeys: NIC_KEYS,
  needsRoot: false,
  modesNeedingRoot: [],
};

export interface VdeHost {
  /** Named network namespace that is taken for the host; absent: the one this process is in. */
  readonly namespace?: string;
  /** Whether the kernel may be the gateway; absent: when this process is root. */
  readonly isRoot?: boolean;
}

export function createVdeEngine(context: EngineContext, host: VdeHost = {}): Engine {
  const { project, places } = context;
  const { namespace, isRoot = process.getuid?.() === 0 } = host;
  const run = runnerIn(namespace);
  const incarnations = new Incarnations(places);
  const incarnationOf = (network: string): number => incarnations.of(network);
  const fabric = new FabricGateway(context);
  const kernel = isRoot ? new KernelSide(context, run) : undefined;
  const gatewayCable = (network: Network) => gatewayCableOf(places, network, isRoot);
  const qemus = new QemuSupport();
  const nicSocketOf = (nic: Nic): string => nicSocket(networkFiles(places, nic.network), nic);
  const panelOf = (nic: Nic, topology: Topology): string[] | undefined =>
    qemus.needsPanel(nic, topology)
      ? ['=', process.execPath, builtProgram('engines/vde/patch/main.js'), '--dial', nicSocketOf(nic)]
      : undefined;
  const ours = (topology: Topology): Network[] =>
    topology.networks.filter(({ engine }) => engine === PROVIDER);

  return {
    name: PROVIDER,
    capabilities: CAPABILITIES,
    desire(topology) {
      const servedBy = (kind: 'fabric' | 'kernel'): Network[] =>
        ours(topology).filter((network) => gatewayKindOf(network, isRoot) === kind);
      const kernelNetworks = servedBy('kernel');
      return [
        ...desireVde(topology, { incarnationOf, gatewayCable, panelOf }),
        ...(kernel !== undefined && kernelNetworks.length > 0 ? kernel.desire(topology, kernelNetworks) : []),
        ...desireGateways(topology, servedBy('fabric'), VERSION, (network) =>
          patchSocket(networkFiles(places, network)),
        ),
      ];
    },
    check: (topology) => checkVde(places, topology),
    async preflight(topology, signal) {
      const names = ours(topology).map(({ name }) => name);
      await incarnations.ask(names, signal);
      const behindKernel = ours(topology).filter((network) => gatewayKindOf(network, isRoot) === 'kernel');
      return [
        ...(await preflightVde(run, topology, isRoot, signal)),
        ...((await kernel?.problems(behindKernel, topology, signal)) ?? []),
      ];
    },
    async observe(signal) {
      const [switches, ofFabric, ofKernel] = await Promise.all([
        observeVde(project, places, signal),
        fabric.observe(signal),
        kernel === undefined ? Promise.resolve<Resource[]>([]) : kernel.observe(signal),
      ]);
      return [...switches, ...ofFabric, ...ofKernel];
    },
    execute: (changes, signal) =>
      executeVde({ project, places, run, namespace, fabric, kernel }, changes, signal),
    updatesInPlace: (before, _after, changed) => updatesInPlace(before, changed),
    impactOf: impactOn,
    commandsFor(change) {
      switch (partOf(subjectOf(change))) {
        case 'switches':
          return switchCommands(context, change, incarnationOf);
        case 'fabric':
          return gatewayCommands(context, change);
        case 'kernel':
          return kernel?.commandsFor(change) ?? [];
      }
    },
    netdev(nic, network, topology) {
      if (qemus.needsPanel(nic, topology)) return streamArguments(nic, network, nicSocketOf(nic));
      const directory = controlDirectory(networkFiles(places, network.name), incarnationOf(network.name));
      return netdevArguments(nic, network, directory, portNumberOf(topology, nic, gatewayCable(network)));
    },
    portId: (nic) => resourceId(PORT_KIND, nic.id),
    async status(signal) {
      const [switches, ...notes] = await Promise.all([
        readStatus(places, signal),
        fabric.notes(signal),
        kernel?.notes(signal) ?? Promise.resolve([]),
      ]);
      return { ...switches, notes: [...switches.notes, ...notes.flat()] };
    },
    async leases(signal) {
      return [...(await fabric.leases(signal)), ...((await kernel?.leases(signal)) ?? [])];
    },
    capture: () => refusal(new PasserelleError({ code: 'vde/no-capture', message: NO_CAPTURE })),
    doctor: (signal) => doctorVde(run, signal),
  };
}

/** A stream that has nothing but a reason. */
function refusal(reason: PasserelleError): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(reason) }) };
}
