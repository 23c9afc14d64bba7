/**
 * The gateway of one network: what its machines see as their router, and on `isolated` networks their DHCP and DNS
 * server and nothing else.
 *
 * Theory of operation: the switch offers frames to `port`. ARP and neighbour discovery are answered here; DHCP and DNS
 * go to the project's servers; packets to other `nat` and `routed` networks of the project go through the router, and
 * all the rest to the user-mode NAT. Answers are built in the frame writer and leave as one batch when the batch that
 * caused them is over, or when a timer or host socket calls `flush`. Settings change live: every part reads them anew
 * for each packet, and the link object stays, so the NAT keeps its flows.
 * Bounds: neighbours (`neighbours.ts`), fragments (`wire/reassembly.ts`), waiting packets (`router.ts`), DNS queries
 * (`local-delivery.ts`), ICMP errors per second (`icmp-error-sender.ts`).
 */
import { isDeepStrictEqual } from 'node:util';
import { ipv6Equals, ipv6OfKey } from '../../wire/address.js';
import { parseMac } from '../../wire/ethernet.js';
import { linkLocalAddress } from '../../wire/ipv6-interface.js';
import type { FabricNetwork, FabricPort } from '../control/protocol.js';
import type { ChunkPool } from '../ports/chunk-pool.js';
import { countDrop } from '../ports/counters.js';
import type { FrameSink, Port } from '../ports/port.js';
import type { Offload } from '../../wire/virtio-net-header.js';
import { type AddressKey, addressKeyOf, ipv6KeyOf } from './address-key.js';
import { ArpResponder } from './arp-responder.js';
import type { GatewayContext } from './context.js';
import { DhcpDelivery } from './dhcp-delivery.js';
import type { DropReason } from './drop-reason.js';
import { FrameWriter } from './frame-writer.js';
import { GatewayPort } from './gateway-port.js';
import { IcmpErrorSender } from './icmp-error-sender.js';
import { Ipv4Input } from './ipv4-input.js';
import { Ipv6Input } from './ipv6-input.js';
import { LocalDelivery } from './local-delivery.js';
import { NeighbourDiscovery } from './neighbour-discovery.js';
import { NeighbourCache } from './neighbours.js';
import { RouterAdvertiser } from './router-advertiser.js';
import type { GatewayServices } from './services.js';
import { type GatewaySettings, settingsOf } from './settings.js';

/** Where the destination stands in a header. */
const IPV4_DESTINATION = 16;
const IPV6_DESTINATION = 24;
/** What an IPv4 header's length holds, less a margin for the headers of tunnels. */
const MAX_OFFLOAD_BYTES = 65_000;

export interface GatewayOptions {
  /** The switch of the network. */
  readonly sink: FrameSink;
  readonly pool: ChunkPool;
  readonly services: GatewayServices;
  /** The port behind a MAC; 48-bit number. */
  readonly portOf: (mac: number) => Port | undefined;
  /** Monotonic, ms. */
  readonly nowMs?: () => number;
}

/** Whether a network has a gateway at all: it has addresses. */
export function hasGateway(network: FabricNetwork): boolean {
  const { ipv4, ipv6, gatewayElsewhere } = network;
  return gatewayElsewhere !== true && (ipv4 !== undefined || ipv6 !== undefined);
}

export class Gateway implements GatewayContext {
  /** To be attached to the switch with its `mac`, and again when that changed. */
  readonly port: GatewayPort;
  readonly neighbours: NeighbourCache;
  readonly errors: IcmpErrorSender;
  readonly #portOf: (mac: number) => Port | undefined;
  readonly #services: GatewayServices;
  readonly #writer: FrameWriter;
  readonly #arp: ArpResponder;
  readonly #discovery: NeighbourDiscovery;
  readonly #advertiser: RouterAdvertiser;
  readonly #ipv4: Ipv4Input;
  readonly #ipv6: Ipv6Input;
  #settings: GatewaySettings;
  #isOpen = true;

  /** @param ports the configured ports of this network: they are known without asking. */
  constructor(network: FabricNetwork, ports: readonly FabricPort[], options: GatewayOptions) {
    const { services, nowMs = () => performance.now() } = options;
    this.#services = services;
    this.#settings = settingsOf(network, ports);
    this.#portOf = options.portOf;
    this.neighbours = new NeighbourCache((key) => this.#solicit(key), nowMs);
    this.errors = new IcmpErrorSender(this, nowMs);
    this.#arp = new ArpResponder(this, nowMs);
    this.#discovery = new NeighbourDiscovery(this);
    this.#advertiser = new RouterAdvertiser(this, services.dhcpv6, nowMs);
    const local = new LocalDelivery(this, services);
    const dhcp = new DhcpDelivery(this, services);
    const parts = { local, dhcp, neighbourDiscovery: this.#discovery, advertiser: this.#advertiser };
    this.#ipv4 = new Ipv4Input(this, services, parts, nowMs);
    this.#ipv6 = new Ipv6Input(this, services, parts, nowMs);
    this.port = this.#newPort();
    this.#writer = new FrameWriter(this.port, options.sink, options.pool);
    this.neighbours.setStatic(staticNeighboursOf(ports));
    services.router.add(this);
  }

  get settings(): GatewaySettings {
    return this.#settings;
  }

  get network(): FabricNetwork {
    return this.#settings.network;
  }

  get bytes(): Buffer {
    return this.#writer.bytes;
  }

  /** Fragments under assembly, for tests and status. */
  get heldFragmentBytes(): number {
    return this.#ipv4.held.bytes + this.#ipv6.held.bytes;
  }

  /** Makes itself known, once the port is attached. */
  start(): void {
    this.#arp.announce();
    this.#discovery.probeOwn();
    this.#advertiser.start();
    this.flush();
  }

  /** Takes new settings of the same network, and its ports as they are now. Flows go on. */
  configure(network: FabricNetwork, ports: readonly FabricPort[]): void {
    const before = this.#settings;
    const after = settingsOf(network, ports);
    const macChanged = before.mac !== after.mac;
    const ipv4Changed = macChanged || !isDeepStrictEqual(before.ipv4, after.ipv4);
    const ipv6Changed = macChanged || !isDeepStrictEqual(before.ipv6, after.ipv6);
    if (ipv4Changed || ipv6Changed) this.neighbours.clear();
    if (ipv6Changed) this.#advertiser.withdraw(before);
    this.flush();
    this.#settings = after;
    this.port.mac = after.mac;
    this.neighbours.setStatic(staticNeighboursOf(ports));
    this.#services.router.settingsChanged();
    if (ipv4Changed) this.#arp.announce();
    if (ipv6Changed) this.#discovery.probeOwn();
    const advertised = ({ network, assignsIpv6 }: GatewaySettings): unknown => [network, assignsIpv6];
    if (!isDeepStrictEqual(advertised(before), advertised(after))) this.#advertiser.start();
    this.flush();
  }

  /** The network goes. Its flows are reset by the NAT, which is told first. */
  close(): void {
    this.#services.nat.forget(this.network.name);
    this.#services.router.remove(this);
    this.neighbours.clear();
    this.#advertiser.stop();
    this.#advertiser.withdraw(this.#settings);
    this.flush();
    this.#isOpen = false;
  }

  begin(destinationMac: number, etherType: number, packetBytes: number): number {
    return this.#writer.begin(destinationMac, this.#settings.mac, etherType, packetBytes);
  }

  queuedBytes(destinationMac: number): number {
    return this.#portOf(destinationMac)?.queuedBytes ?? 0;
  }

  offloadBytes(destinationMac: number): number {
    return this.#portOf(destinationMac)?.takesOffloads === true ? MAX_OFFLOAD_BYTES : 0;
  }

  leave(offload: Offload): void {
    this.#writer.leave(offload);
  }

  get isChecksumLeft(): boolean {
    return this.port.isChecksumLeft;
  }

  flush(): void {
    if (this.#isOpen) this.#writer.flush();
  }

  isAbsent(address: string): boolean {
    const key = addressKeyOf(address);
    const mac = key === undefined ? undefined : this.neighbours.lookup(key);
    return mac !== undefined && this.#portOf(mac)?.isConnected === false;
  }

  resolve(address: string, then: (mac: number | undefined) => void): void {
    const key = addressKeyOf(address);
    if (key === undefined) {
      then(undefined);
      return;
    }
    this.neighbours.resolve(key, then);
    this.flush();
  }

  drop(reason: DropReason): void {
    countDrop(this.port, reason);
  }

  #newPort(): GatewayPort {
    return new GatewayPort(`gateway/${this.network.name}`, this.#settings.mac, {
      receiveArp: (bytes, start, end, sourceMac) => this.#arp.receive(bytes, start, end, sourceMac),
      receiveIpv4: (bytes, start, end, sourceMac, toGroup) =>
        this.#ipv4.receive(bytes, start, end, sourceMac, toGroup),
      receiveIpv6: (bytes, start, end, sourceMac, toGroup) =>
        this.#ipv6.receive(bytes, start, end, sourceMac, toGroup),
      endsHere: (bytes, ip) => this.#endsHere(bytes, ip),
      drop: (reason) => this.drop(reason),
      endOfBatch: () => this.#endOfBatch(),
    });
  }

  /** Whether a packet's TCP ends in the NAT: then it needs no segments; the router's links have MTUs. */
  #endsHere(bytes: Buffer, ip: number): boolean {
    const { router } = this.#services;
    const { ipv4, ipv6 } = this.#settings;
    if (bytes[ip]! >>> 4 === 4) {
      const destination = bytes.readUInt32BE(ip + IPV4_DESTINATION);
      return destination === ipv4?.address || router.networkOfIpv4(destination) === undefined;
    }
    const destination = ip + IPV6_DESTINATION;
    return (
      (ipv6 !== undefined && ipv6Equals(bytes, destination, ipv6.address)) ||
      router.networkOfIpv6(bytes, destination) === undefined
    );
  }

  #endOfBatch(): void {
    const { nat, router } = this.#services;
    nat.endOfBatch(this);
    this.flush();
    router.endOfBatch();
  }

  #solicit(key: AddressKey): void {
    if (typeof key === 'number') this.#arp.request(key);
    else this.#discovery.solicit(ipv6OfKey(key));
    this.flush();
  }
}

function staticNeighboursOf(ports: readonly FabricPort[]): Map<AddressKey, number> {
  const entries = new Map<AddressKey, number>();
  for (const { mac: text, ipv4, ipv6 } of ports) {
    const mac = parseMac(text);
    if (mac === undefined) continue;
    for (const address of [ipv4, ipv6]) {
      const key = address === undefined ? undefined : addressKeyOf(address);
      if (key !== undefined) entries.set(key, mac);
    }
    if (ipv6 !== undefined) entries.set(ipv6KeyOf(linkLocalAddress(mac)), mac);
  }
  return entries;
}
