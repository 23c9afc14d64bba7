/**
 * The user-mode NAT: flows of machines carried on by sockets of this process, without any privilege.
 *
 * Theory of operation. TCP is ended here, towards the guest by an endpoint of our own (`tcp/`), towards the
 * world by a socket of the host; bytes pass between the two. UDP datagrams and echo requests are taken out of
 * their packets and sent by sockets of the host, one for each address and port (or identifier) of a guest
 * (`udp/`, `icmp/`). Forwards come the other way: listening sockets whose clients are carried on to a machine
 * (`forwards/`). Each network has flows, counters and bounds of its own; only memory for growing buffers is
 * shared.
 *
 * Events: packets of a batch (`receive`), its end (`endOfBatch`), host sockets, timers. What the last two write
 * leaves at the end of the event loop's turn; what a batch wrote is flushed by the gateway.
 *
 * Limits: no privilege means no raw sockets, so no protocols but TCP, UDP and echo; no ICMP errors from the
 * world beyond what a socket's error says; and no TTL of the guest's outside. Bounds: `tcp/limits.ts`,
 * `udp/limits.ts`, `icmp/limits.ts`.
 */
import type { GatewayLink, Nat } from '../gateway/link.js';
import { type Clock, systemClock } from './clock.js';
import type { FabricForward } from '../control/protocol.js';
import { ForwardSet } from './forwards/forward-set.js';
import { DEFAULT_ECHO_LIMITS, type EchoLimits } from './icmp/limits.js';
import type { OpenPingSocket } from './icmp/ping-socket.js';
import { LocalServices, type LocalTcpHandler } from './local-services.js';
import { NetworkNat, type NatServices } from './network-nat.js';
import { ChunkPool } from './tcp/host-queue.js';
import { dialHost } from './tcp/host-socket.js';
import type { Dial } from './tcp/host-stream.js';
import { type InitialSequence, initialSequences } from './tcp/initial-sequence.js';
import { DEFAULT_TCP_LIMITS, MemoryBudget, type TcpLimits } from './tcp/limits.js';
import { openHostDatagrams, type OpenDatagrams } from './udp/host-datagrams.js';
import { DEFAULT_UDP_LIMITS, type UdpLimits } from './udp/limits.js';

export interface UserNatOptions {
  readonly clock?: Clock;
  readonly dialTcp?: Dial;
  readonly initialSequence?: InitialSequence;
  readonly tcpLimits?: Partial<TcpLimits>;
  readonly openDatagrams?: OpenDatagrams;
  readonly udpLimits?: Partial<UdpLimits>;
  readonly echoLimits?: Partial<EchoLimits>;
}

export class UserNat implements Nat {
  readonly #clock: Clock;
  readonly #local = new LocalServices();
  readonly #services: NatServices;
  readonly #networks = new Map<GatewayLink, NetworkNat>();
  readonly #forwards: ForwardSet;
  #openPingSocket: OpenPingSocket | undefined;
  #latest: NetworkNat | undefined;
  /** Of the batch that is being received. */
  #nowMs = 0;
  #inBatch = false;

  constructor(options: UserNatOptions = {}) {
    const clock = options.clock ?? systemClock;
    const tcpLimits = { ...DEFAULT_TCP_LIMITS, ...options.tcpLimits };
    const udpLimits = { ...DEFAULT_UDP_LIMITS, ...options.udpLimits };
    this.#clock = clock;
    this.#services = {
      clock,
      local: this.#local,
      dialTcp: options.dialTcp ?? dialHost,
      initialSequence: options.initialSequence ?? initialSequences(clock),
      tcpLimits,
      budget: new MemoryBudget(tcpLimits.growthBytes),
      chunks: new ChunkPool(),
      openDatagrams: options.openDatagrams ?? openHostDatagrams,
      udpLimits,
      openPingSocket: () => this.#openPingSocket,
      echoLimits: { ...DEFAULT_ECHO_LIMITS, ...options.echoLimits },
    };
    this.#forwards = new ForwardSet({ clock, udpLimits, networkOf: (link) => this.#networkOf(link) });
  }

  receive(link: GatewayLink, bytes: Buffer, start: number, end: number, sourceMac: number): void {
    this.receiveLocal(link, bytes, start, end, sourceMac);
  }

  receiveLocal(link: GatewayLink, bytes: Buffer, start: number, end: number, sourceMac: number): boolean {
    if (!this.#inBatch) {
      this.#inBatch = true;
      this.#nowMs = this.#clock.nowMs();
    }
    return this.#networkOf(link).receive(bytes, start, end, sourceMac, this.#nowMs);
  }

  endOfBatch(link: GatewayLink): void {
    this.#inBatch = false;
    this.#networks.get(link)?.endOfBatch(this.#nowMs);
  }

  forget(networkName: string): void {
    this.#forwards.forget(networkName);
    for (const [link, network] of this.#networks) {
      if (link.network.name !== networkName) continue;
      network.forget();
      this.#networks.delete(link);
    }
    this.#latest = undefined;
  }

  /** A machine is unplugged from the network: its flows end. */
  forgetGuest(networkName: string, mac: number): void {
    for (const [link, network] of this.#networks) {
      if (link.network.name === networkName) network.forgetGuest(mac);
    }
  }

  flowCounts(networkName: string): { tcp: number; udp: number; icmp: number } {
    const counts = { tcp: 0, udp: 0, icmp: 0 };
    for (const network of this.#networks.values()) {
      if (network.link.network.name !== networkName) continue;
      counts.tcp += network.tcp.flowCount;
      counts.udp += network.udp.flowCount;
      counts.icmp += network.echo.flowCount;
    }
    return counts;
  }

  /** Packets refused, by reason. */
  drops(networkName: string): ReadonlyMap<string, number> {
    for (const network of this.#networks.values()) {
      if (network.link.network.name === networkName) return network.drops.counts;
    }
    return new Map();
  }

  /** Answers guests' connections to the gateways' own addresses on this port inside the fabric. */
  registerLocalTcp(port: number, handler: LocalTcpHandler): void {
    this.#local.register(port, handler);
  }

  /** Lets guests' echo requests out, from now on (`loadPingSockets`). */
  usePingSockets(open: OpenPingSocket): void {
    this.#openPingSocket = open;
  }

  /** The forwards that listen. */
  get forwards(): FabricForward[] {
    return this.#forwards.settings;
  }

  /**
   * Makes a forward or changes it in place; resolves once every port listens.
   * @param link of the network that it leads into.
   * @throws PasserelleError `forward/listen-refused`, with nothing changed.
   */
  async putForward(forward: FabricForward, link: GatewayLink): Promise<void> {
    await this.#forwards.put(forward, link);
  }

  /** Stops listening; connections that stand go on. */
  deleteForward(id: string): void {
    this.#forwards.delete(id);
  }

  close(): void {
    this.#forwards.close();
    for (const network of this.#networks.values()) network.forget();
    this.#networks.clear();
    this.#latest = undefined;
  }

  #networkOf(link: GatewayLink): NetworkNat {
    if (this.#latest?.link === link) return this.#latest;
    let network = this.#networks.get(link);
    if (network === undefined) {
      network = new NetworkNat(link, this.#services);
      this.#networks.set(link, network);
    }
    this.#latest = network;
    return network;
  }
}
