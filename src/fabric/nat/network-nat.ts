/** The NAT of one network: tells protocols apart and decides where new flows lead. */
import { formatIpv4, formatIpv6 } from '../../wire/address.js';
import type { GatewayLink } from '../gateway/link.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { IPV6_HEADER_BYTES, readIpv6Header } from '../../wire/ipv6.js';
import type { Clock } from './clock.js';
import { Defragmenter, isIpv4Fragment } from './defragmenter.js';
import { type Destination, DestinationRules } from './destination.js';
import { DropCounters } from './drops.js';
import type { IpPath } from './ip-path.js';
import { LinkFlusher } from './link-flusher.js';
import type { LocalServices } from './local-services.js';
import type { ChunkPool } from './tcp/host-queue.js';
import { EchoNat } from './icmp/echo-nat.js';
import type { EchoLimits } from './icmp/limits.js';
import type { OpenPingSocket } from './icmp/ping-socket.js';
import type { Dial } from './tcp/host-stream.js';
import type { InitialSequence } from './tcp/initial-sequence.js';
import type { MemoryBudget, TcpLimits } from './tcp/limits.js';
import { type Route, TcpNat } from './tcp/tcp-nat.js';
import type { OpenDatagrams } from './udp/host-datagrams.js';
import type { UdpLimits } from './udp/limits.js';
import { UdpNat, type UdpRoute } from './udp/udp-nat.js';
import { UnreachableSender } from './unreachable.js';

const HOST_LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;

/** What the NATs of all networks share. */
export interface NatServices {
  readonly clock: Clock;
  readonly local: LocalServices;
  readonly dialTcp: Dial;
  readonly initialSequence: InitialSequence;
  readonly tcpLimits: TcpLimits;
  readonly budget: MemoryBudget;
  readonly chunks: ChunkPool;
  readonly openDatagrams: OpenDatagrams;
  readonly udpLimits: UdpLimits;
  /** `undefined` while there are no ping sockets. */
  readonly openPingSocket: () => OpenPingSocket | undefined;
  readonly echoLimits: EchoLimits;
}

export class NetworkNat {
  readonly link: GatewayLink;
  readonly flusher: LinkFlusher;
  readonly drops = new DropCounters();
  readonly tcp: TcpNat;
  readonly udp: UdpNat;
  readonly echo: EchoNat;
  readonly #services: NatServices;
  readonly #defragmenter = new Defragmenter();
  #rules: DestinationRules;

  constructor(link: GatewayLink, services: NatServices) {
    this.link = link;
    this.#services = services;
    this.#rules = new DestinationRules(link.network);
    this.flusher = new LinkFlusher(link, services.clock);
    const { drops, flusher } = this;
    const { clock, initialSequence, tcpLimits, budget, chunks } = services;
    const unreachable = new UnreachableSender(link, clock);
    this.tcp = new TcpNat({
      context: { link, flusher, clock, limits: tcpLimits, budget, chunks },
      drops,
      unreachable,
      initialSequence,
      route: (bytes, ipOffset, path, remotePort, guestPort) =>
        this.#routeTcp(bytes, ipOffset, path, remotePort, guestPort),
    });
    this.udp = new UdpNat({
      link,
      flusher,
      clock,
      drops,
      unreachable,
      limits: services.udpLimits,
      open: services.openDatagrams,
      route: (bytes, ipOffset) => this.#routeUdp(bytes, ipOffset),
    });
    this.echo = new EchoNat({
      link,
      flusher,
      clock,
      drops,
      limits: services.echoLimits,
      open: services.openPingSocket,
      mayLeave: (bytes, ipOffset) => this.#destinationOf(bytes, ipOffset) === 'remote',
    });
  }

  /** @returns false when the packet belongs to no flow and leads to a closed port of the gateway. */
  receive(bytes: Buffer, start: number, end: number, mac: number, nowMs: number): boolean {
    return bytes[start]! >>> 4 === 4
      ? this.#receiveIpv4(bytes, start, end, mac, nowMs)
      : this.#receiveIpv6(bytes, start, end, mac, nowMs);
  }

  #receiveIpv4(bytes: Buffer, start: number, end: number, mac: number, nowMs: number): boolean {
    if (isIpv4Fragment(bytes, start)) {
      const whole = this.#defragmenter.addIpv4(bytes, start, end, nowMs);
      return whole === undefined || this.#receiveIpv4(whole, 0, whole.length, mac, nowMs);
    }
    const transport = start + (bytes[start]! & 0xf) * 4;
    return this.#receiveTransport(4, bytes[start + 9]!, bytes, start, transport, end, mac, nowMs);
  }

  #receiveIpv6(bytes: Buffer, start: number, end: number, mac: number, nowMs: number): boolean {
    const next = bytes[start + 6]!;
    if (next === IpProtocol.tcp || next === IpProtocol.udp) {
      const transport = start + IPV6_HEADER_BYTES;
      return this.#receiveTransport(6, next, bytes, start, transport, end, mac, nowMs);
    }
    const header = readIpv6Header(bytes, start, end);
    if (header === undefined) {
      this.drops.add('malformed');
      return true;
    }
    if (header.fragment === undefined) {
      const { protocol, payloadOffset } = header;
      return this.#receiveTransport(6, protocol, bytes, start, payloadOffset, header.end, mac, nowMs);
    }
    const whole = this.#defragmenter.addIpv6(bytes, start, header, nowMs);
    return whole === undefined || this.#receiveIpv6(whole, 0, whole.length, mac, nowMs);
  }

  #receiveTransport(
    family: 4 | 6,
    protocol: number,
    bytes: Buffer,
    start: number,
    transport: number,
    end: number,
    mac: number,
    nowMs: number,
  ): boolean {
    switch (protocol) {
      case IpProtocol.tcp:
        return this.tcp.receive(family, bytes, start, transport, end, mac, nowMs);
      case IpProtocol.udp:
        return this.udp.receive(family, bytes, start, transport, end, mac, nowMs);
      case IpProtocol.icmp:
      case IpProtocol.icmpv6:
        this.echo.receive(family, bytes, start, transport, end, mac, nowMs);
        return true;
      default:
        this.drops.add('unsupported-protocol');
        return true;
    }
  }

  endOfBatch(nowMs: number): void {
    this.tcp.endOfBatch(nowMs);
  }

  /** A guest is unplugged: what it left open on the host ends now, not at its time-outs. */
  forgetGuest(mac: number): void {
    this.tcp.resetGuest(mac);
    this.udp.endGuest(mac);
    this.echo.endGuest(mac);
  }

  /** Ends all flows without a word to the guests, whose network is gone. */
  forget(): void {
    this.tcp.reset(false);
    this.udp.close();
    this.echo.close();
  }

  #routeTcp(bytes: Buffer, ipOffset: number, path: IpPath, remotePort: number, guestPort: number): Route {
    const { network } = this.link;
    const { family } = path;
    const destination = this.#destinationOf(bytes, ipOffset);
    switch (destination) {
      case 'refused':
      case 'silent':
        return destination;
      case 'remote':
        return {
          dial: this.#services.dialTcp,
          target: { family, address: path.remoteAddress, port: remotePort },
        };
      case 'gateway': {
        const client = { network: network.name, address: path.guestAddress, port: guestPort };
        const local = this.#services.local.dial(remotePort, client);
        const target = { family, address: HOST_LOOPBACK[family], port: remotePort };
        if (local !== undefined) return { dial: local, target };
        return network.hostLoopback ? { dial: this.#services.dialTcp, target } : 'closed-port';
      }
    }
  }

  #routeUdp(bytes: Buffer, ipOffset: number): UdpRoute {
    const destination = this.#destinationOf(bytes, ipOffset);
    const isIpv4 = bytes[ipOffset]! >>> 4 === 4;
    switch (destination) {
      case 'refused':
      case 'silent':
        return destination;
      case 'remote':
        return {
          address: isIpv4 ? formatIpv4(bytes.readUInt32BE(ipOffset + 16)) : formatIpv6(bytes, ipOffset + 24),
        };
      case 'gateway':
        return this.link.network.hostLoopback ? { address: HOST_LOOPBACK[isIpv4 ? 4 : 6] } : 'closed-port';
    }
  }

  /** Only `nat` lets machines out; a `routed` network speaks for itself and an `isolated` one not at all. */
  #destinationOf(bytes: Buffer, ipOffset: number): Destination {
    const { network } = this.link;
    if (this.#rules.network !== network) this.#rules = new DestinationRules(network);
    const destination = this.#rules.of(bytes, ipOffset);
    return destination === 'remote' && network.mode !== 'nat' ? 'refused' : destination;
  }
}
