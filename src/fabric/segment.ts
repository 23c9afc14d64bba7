/**
 * One network of the fabric: its switch, the gateway that is plugged into it, and its machines' ports.
 *
 * `configure` is told what the network and its ports are to be and makes it so; what is already right is not touched,
 * so connections, learned addresses and counters of everything else stay as they are.
 */
import { parseMac } from '../wire/ethernet.js';
import { stationsAsPorts } from './control/configuration.js';
import type { FabricNetwork, FabricPort } from './control/protocol.js';
import { Gateway, hasGateway } from './gateway/gateway.js';
import type { GatewayServices } from './gateway/services.js';
import type { ChunkPool } from './ports/chunk-pool.js';
import type { MachinePort } from './ports/machine-port.js';
import type { Port } from './ports/port.js';
import { type AddressHolder, type AddressKey, AddressOwners } from './switch/address-owners.js';
import { assignAddresses, SpoofGuard } from './switch/spoof-guard.js';
import { Switch } from './switch/switch.js';
import { type Counters, FrameWatch, type WatchedFrame } from './trace/frame-watch.js';

export interface Plug {
  readonly port: MachinePort;
  readonly settings: FabricPort;
}

interface Plugged extends Plug {
  /** Who holds the port's addresses: its guard, or a stand-in where there is none. */
  readonly holder: AddressHolder;
}

/** Holds addresses and asks for none. */
class Holder implements AddressHolder {
  readonly claims: AddressKey[] = [];
  onRevoked(): void {}
}

export class Segment {
  readonly switch: Switch;
  readonly #services: GatewayServices;
  readonly #pool: ChunkPool;
  readonly #owners = new AddressOwners();
  readonly #gatewayHolder = new Holder();
  readonly #plugged = new Map<string, Plugged>();
  readonly #watches = new Map<string, FrameWatch>();
  #network: FabricNetwork;
  #gateway: Gateway | undefined;

  constructor(network: FabricNetwork, services: GatewayServices, pool: ChunkPool) {
    this.#network = network;
    this.#services = services;
    this.#pool = pool;
    this.switch = new Switch(undefined, pool);
    this.#configureGateway([]);
  }

  /** The gateway, where the network has addresses. */
  get gateway(): Gateway | undefined {
    return this.#gateway;
  }

  get mtuBytes(): number {
    return this.#network.mtuBytes;
  }

  /**
   * Plugs in somebody whom the configuration does not name.
   * @returns what unplugs it.
   */
  plugInStranger(port: Port): () => void {
    const guard = new SpoofGuard({ isForeign: (high, low) => this.switch.isPinned(high, low) }, this.#owners);
    this.switch.attach(port, { guard, learns: true });
    return () => {
      this.switch.detach(port);
      this.#owners.release(guard);
    };
  }

  /** Takes the network's settings and all of its ports as they are to be. */
  configure(network: FabricNetwork, plugs: readonly Plug[]): void {
    this.#network = network;
    const wanted = new Set(plugs.map(({ settings }) => settings.id));
    for (const [id, { port, holder }] of this.#plugged) {
      if (wanted.has(id)) continue;
      this.switch.detach(port);
      this.#owners.release(holder);
      this.#plugged.delete(id);
      this.#watches.delete(id);
    }
    const renumbered = this.#owners.setPrefixes(network.ipv4, network.ipv6);
    this.#assignGatewayAddresses();
    for (const plug of plugs) this.#plug(plug, renumbered);
    this.#configureGateway([...plugs.map(({ settings }) => settings), ...stationsAsPorts(network)]);
  }

  /**
   * Tells what becomes of each frame that a port's machine sends, and why.
   * @param counters of all others that refuse frames, beside the port itself.
   * @returns what ends it; undefined when no such port is plugged in here.
   */
  watch(portId: string, counters: Counters, tell: (frame: WatchedFrame) => void): (() => void) | undefined {
    const port = this.#plugged.get(portId)?.port;
    if (port === undefined) return undefined;
    const watch =
      this.#watches.get(portId) ?? new FrameWatch(this.switch, () => [port.counters.drops, ...counters()]);
    watch.watchers.add(tell);
    this.#watches.set(portId, watch);
    port.sink = watch;
    return () => {
      watch.watchers.delete(tell);
      if (watch.watchers.size > 0 || this.#watches.get(portId) !== watch) return;
      this.#watches.delete(portId);
      if (port.sink === watch) port.sink = this.switch;
    };
  }

  /** Forgets MACs and addresses that were not in use for a while; call it every now and then. */
  age(): void {
    this.switch.age();
    this.#owners.age();
  }

  close(): void {
    for (const { port } of this.#plugged.values()) this.switch.detach(port);
    this.#plugged.clear();
    this.#closeGateway();
  }

  #plug({ port, settings }: Plug, renumbered: boolean): void {
    port.sink = this.#watches.get(settings.id) ?? this.switch;
    port.mtuBytes = this.#network.mtuBytes;
    const before = this.#plugged.get(settings.id);
    const isSamePort = before?.port === port;
    if (isSamePort && !renumbered && isSameIdentity(before.settings, settings)) return;
    if (before !== undefined) this.#owners.release(before.holder);
    if (before !== undefined && !isSamePort) this.switch.detach(before.port);
    const guard = settings.antiSpoofing ? new SpoofGuard(settings, this.#owners) : undefined;
    const holder = guard ?? new Holder();
    assignAddresses(this.#owners, settings, this.#network.ipv6?.address, holder);
    this.switch.attach(port, { mac: macOf(settings.mac), ...(guard && { guard }) });
    this.#plugged.set(settings.id, { port, settings, holder });
  }

  #assignGatewayAddresses(): void {
    const { gatewayMac: mac, ipv4, ipv6 } = this.#network;
    this.#owners.release(this.#gatewayHolder);
    if (ipv4 === undefined && ipv6 === undefined) return;
    // Also where the gateway is another host's: no machine here may take them.
    const addresses = { ...(ipv4 && { ipv4: ipv4.gateway }), ...(ipv6 && { ipv6: ipv6.gateway }) };
    assignAddresses(this.#owners, { mac, ...addresses }, ipv6?.address, this.#gatewayHolder);
  }

  #configureGateway(ports: readonly FabricPort[]): void {
    const network = this.#network;
    if (!hasGateway(network)) {
      this.#closeGateway();
      return;
    }
    const gateway = this.#gateway;
    if (gateway !== undefined) {
      // Before it speaks with its new address, the switch must know it by it.
      this.switch.attach(gateway.port, { mac: macOf(network.gatewayMac) });
      gateway.configure(network, ports);
      return;
    }
    this.#gateway = new Gateway(network, ports, {
      sink: this.switch,
      pool: this.#pool,
      services: this.#services,
      portOf: (mac) => this.switch.portOf(mac),
    });
    this.switch.attach(this.#gateway.port, { mac: macOf(network.gatewayMac) });
    this.#gateway.start();
  }

  #closeGateway(): void {
    const gateway = this.#gateway;
    this.#gateway = undefined;
    if (gateway === undefined) return;
    gateway.close();
    this.switch.detach(gateway.port);
  }
}

/** Whether the guard that stands for one port's settings does for the other's. */
function isSameIdentity(a: FabricPort, b: FabricPort): boolean {
  return a.mac === b.mac && a.ipv4 === b.ipv4 && a.ipv6 === b.ipv6 && a.antiSpoofing === b.antiSpoofing;
}

/** @throws TypeError for what the configuration would have refused. */
export function macOf(text: string): number {
  const mac = parseMac(text);
  if (mac === undefined) throw new TypeError(`not a MAC: ${text}`);
  return mac;
}
