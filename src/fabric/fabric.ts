/**
 * The fabric: the switches, tunnels, gateways, NAT and forwards of one project, as its configuration says.
 *
 * Theory of operation. `apply` is one transaction, and one runs at a time: the operations are applied to the
 * configuration as a value, the outcome is checked, then carried out. What can fail comes first (ports, sockets of tunnels
 * and forwards, and the networks they lead into) and is undone when it does; the rest only changes objects in memory. What
 * an operation does not touch keeps its connections, learned addresses, leases and counters.
 */
import { join } from 'node:path';
import { PasserelleError } from '../errors.js';
import { Capture } from './capture/capture.js';
import { Trace } from './trace/trace.js';
import {
  applyOperations,
  type Configured,
  EMPTY,
  toConfiguration,
  withStations,
} from './control/configuration.js';
import type {
  FabricConfiguration,
  FabricLease,
  FabricNetwork,
  FabricOperation,
  FabricPort,
  FabricStatus,
} from './control/protocol.js';
import { ForwardsLost, updateForwards } from './forward-update.js';
import { macOf, type Plug, Segment } from './segment.js';
import { NativeLoader } from './native/native-parts.js';
import { type Place, PortSet } from './port-set.js';
import { createServices, type Services } from './services.js';
import { ChunkPool } from './ports/chunk-pool.js';
import { Overlay } from './overlay/overlay.js';
import type { VdeNetwork } from './vde/vde-socket.js';
import { VdeSockets } from './vde/vde-sockets.js';
import { Uplinks } from './uplink/uplinks.js';

const AGEING_INTERVAL_MS = 30_000;

export interface FabricOptions {
  /** Where leases are kept. */
  readonly stateDir: string;
  /** Told of the fabric's `status`. */
  readonly version: string;
  readonly log: (line: string) => void;
}

export class Fabric {
  readonly #options: FabricOptions;
  readonly #pool = new ChunkPool();
  readonly #services: Services;
  readonly #overlay = new Overlay();
  readonly #segments = new Map<string, Segment>();
  readonly #native = new NativeLoader();
  readonly #ports = new PortSet(this.#pool, this.#native.load);
  readonly #uplinks = new Uplinks(this.#pool, this.#native.load);
  readonly #vde: VdeSockets;
  readonly #ageing: NodeJS.Timeout;
  #configured: Configured = EMPTY;
  #lastApply: Promise<void> = Promise.resolve();

  constructor(options: FabricOptions) {
    this.#options = options;
    this.#vde = new VdeSockets(options.log);
    this.#services = createServices(
      join(options.stateDir, 'leases.json'),
      options.log,
      (network) => this.#segments.get(network)?.gateway,
    );
    this.#ageing = setInterval(() => {
      for (const segment of this.#segments.values()) segment.age();
    }, AGEING_INTERVAL_MS).unref();
  }

  configuration(): FabricConfiguration {
    return toConfiguration(this.#configured);
  }

  /**
   * Carries out all of the operations, or none.
   * @throws PasserelleError with the codes of `applyOperations` and of the forwards' listening sockets.
   */
  apply(operations: readonly FabricOperation[]): Promise<void> {
    const turn = this.#lastApply.then(() => this.#apply(operations));
    this.#lastApply = turn.catch(() => undefined);
    return turn;
  }

  status(): FabricStatus {
    return {
      pid: process.pid,
      version: this.#options.version,
      uptimeMs: Math.round(process.uptime() * 1000),
      residentBytes: process.memoryUsage.rss(),
      ports: [...this.#configured.ports.values()].flatMap(({ id, network }) => {
        const port = this.#ports.get(id);
        if (port === undefined) return [];
        const { drops, ...counters } = port.counters;
        return [{ id, network, connected: port.isConnected, ...counters, drops: Object.fromEntries(drops) }];
      }),
      networks: [...this.#segments].map(([name, segment]) => ({
        name,
        learnedMacs: segment.switch.learnedMacs,
        ...this.#uplinks.statusOf(name),
        vdeClients: this.#vde.clientCount(name),
        flows: this.#services.nat.flowCounts(name),
        tunnels: this.#overlay.countersOf(name).map(({ peer, counters: { drops, ...counters } }) => ({
          peer,
          ...counters,
          drops: Object.fromEntries(drops),
        })),
        drops: Object.fromEntries([
          ...(segment.gateway?.port.counters.drops ?? []),
          ...this.#services.nat.drops(name),
        ]),
      })),
    };
  }

  leases(): readonly FabricLease[] {
    return this.#services.dhcp.leases();
  }

  /**
   * Begins a capture of a port; it ends by its `close`, or with the port.
   * @throws PasserelleError `fabric/unknown-port`.
   */
  capture(portId: string): { chunks: () => AsyncIterable<Uint8Array>; close: () => void } {
    const port = this.#ports.get(portId);
    if (port === undefined) throw unknownPort(portId);
    const capture = new Capture({ interfaceName: portId });
    port.addTap(capture);
    return {
      chunks: () => capture.chunks(),
      close: () => {
        port.removeTap(capture);
        capture.close();
      },
    };
  }

  /**
   * Begins to tell what becomes of the frames that a port's machine sends; it ends by its `close`.
   * @throws PasserelleError `fabric/unknown-port`.
   */
  trace(portId: string): { chunks: () => AsyncIterable<Uint8Array>; close: () => void } {
    const network = this.#configured.ports.get(portId)?.network ?? '';
    const segment = this.#segments.get(network);
    const trace = new Trace();
    const counters = (): ReadonlyMap<string, number>[] => [
      segment?.gateway?.port.counters.drops ?? new Map<string, number>(),
      this.#services.nat.drops(network),
    ];
    const unwatch = segment?.watch(portId, counters, (frame) => trace.add(frame));
    if (unwatch === undefined) throw unknownPort(portId);
    return {
      chunks: () => trace.chunks(),
      close: () => {
        unwatch();
        trace.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#lastApply;
    clearInterval(this.#ageing);
    this.#vde.close();
    this.#uplinks.close();
    for (const segment of this.#segments.values()) segment.close();
    this.#ports.keep(() => false);
    this.#overlay.close();
    this.#native.close();
    await this.#services.close();
  }

  async #apply(operations: readonly FabricOperation[]): Promise<void> {
    const before = this.#configured;
    const after = applyOperations(before, operations);
    const made: string[] = [];
    const undo: (() => void)[] = [];
    try {
      for (const network of after.networks.values()) {
        if (this.#segments.has(network.name)) continue;
        this.#segments.set(network.name, new Segment(network, this.#services, this.#pool));
        made.push(network.name);
      }
      undo.push(await this.#ports.open(after.ports.values(), (settings) => this.#placeOf(settings, after)));
      undo.push(await this.#uplinks.open(after.networks.values(), (name) => this.#segmentOf(name).switch));
      undo.push(await this.#vde.open(after.networks.values(), (network) => this.#vdeNetwork(network)));
      await this.#overlay.open(after.networks.values());
      await updateForwards(this.#services.forwards, before.forwards, after.forwards);
    } catch (error) {
      for (const step of undo) step();
      for (const name of made) this.#removeSegment(name);
      this.#overlay.closeIdle();
      if (error instanceof ForwardsLost) this.#configured = withoutForwards(before, error.ids);
      throw error;
    }
    this.#configured = after;
    this.#vde.keepOnly(after.networks.values());
    this.#uplinks.configure(after.networks);
    this.#services.configure(withStations(this.configuration()));
    this.#updatePorts(before, after);
    const { networks, ports, forwards } = after;
    this.#options.log(
      `applied ${operations.length} operations: now ${networks.size} networks, ${ports.size} ports, ${forwards.size} forwards`,
    );
  }

  #updatePorts(before: Configured, after: Configured): void {
    const plugs = new Map<FabricNetwork, Plug[]>(
      [...after.networks.values()].map((network) => [network, []]),
    );
    for (const settings of after.ports.values()) {
      const network = after.networks.get(settings.network);
      const port = this.#ports.update(settings);
      if (network !== undefined && port !== undefined) plugs.get(network)?.push({ port, settings });
    }
    for (const { network, mac } of unplugged(before, after)) {
      this.#services.nat.forgetGuest(network, macOf(mac));
    }
    const touched = touchedNetworks(before, after);
    for (const [network, plugsOfNetwork] of plugs) {
      const segment = this.#segments.get(network.name);
      if (segment === undefined || !touched.has(network.name)) continue;
      segment.configure(network, plugsOfNetwork);
      this.#overlay.configure(network, segment.switch);
    }
    for (const name of before.networks.keys()) {
      if (!after.networks.has(name)) this.#removeSegment(name);
    }
    this.#ports.keep((id) => after.ports.has(id));
    this.#overlay.closeIdle();
  }

  /** Where a port is plugged in; the configuration has its network, and the segments were made. */
  #placeOf(settings: FabricPort, { networks }: Configured): Place {
    const network = networks.get(settings.network);
    const segment = this.#segments.get(settings.network);
    if (network === undefined || segment === undefined) throw new Error(`${settings.id} has no network`);
    return { sink: segment.switch, mtuBytes: network.mtuBytes };
  }

  /** What a VDE socket knows of a network: as it is at each moment. */
  #vdeNetwork(name: string): VdeNetwork {
    const segment = this.#segmentOf(name);
    return {
      name,
      sink: segment.switch,
      mtuBytes: () => segment.mtuBytes,
      plugIn: (port) => segment.plugInStranger(port),
    };
  }

  #segmentOf(name: string): Segment {
    const segment = this.#segments.get(name);
    if (segment === undefined) throw new Error(`no network ${name}`);
    return segment;
  }

  #removeSegment(name: string): void {
    this.#overlay.remove(name);
    this.#segments.get(name)?.close();
    this.#segments.delete(name);
  }
}

function withoutForwards(configured: Configured, ids: readonly string[]): Configured {
  const forwards = [...configured.forwards].filter(([id]) => !ids.includes(id));
  return { ...configured, forwards: new Map(forwards) };
}

/** Ports that are gone, or are another machine's NIC now as far as their network can tell. */
function unplugged(before: Configured, after: Configured): FabricPort[] {
  return [...before.ports.values()].filter((port) => {
    const now = after.ports.get(port.id);
    return now === undefined || now.network !== port.network || now.mac !== port.mac;
  });
}

/** Networks of which something changed: their own settings, or a port that comes, goes or is another. */
function touchedNetworks(before: Configured, after: Configured): Set<string> {
  const touched = new Set<string>();
  for (const network of after.networks.values()) {
    if (JSON.stringify(before.networks.get(network.name)) !== JSON.stringify(network))
      touched.add(network.name);
  }
  for (const id of new Set([...before.ports.keys(), ...after.ports.keys()])) {
    const [old, now] = [before.ports.get(id), after.ports.get(id)];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    if (old !== undefined) touched.add(old.network);
    if (now !== undefined) touched.add(now.network);
  }
  return touched;
}

function unknownPort(portId: string): PasserelleError {
  return new PasserelleError({ code: 'fabric/unknown-port', message: `there is no port ${portId}` }, 2);
}
