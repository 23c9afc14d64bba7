/**
 * Packets to the gateway itself, of either family: echo, DNS, and refusals for everything else.
 *
 * Echo requests to the gateway's own addresses are answered (RFC 1122 section 3.2.2.6, RFC 4443 section 4.2), and DNS
 * queries handed to the name server, at most `MAX_DNS_QUERIES` at a time. Other TCP and UDP goes to the NAT: to the
 * host when `hostLoopback` is on, otherwise only what belongs to its own flows. What nobody wants is refused with RST
 * or port unreachable, on isolated networks in silence.
 */
import { checksum } from '../../wire/checksum.js';
import { DHCP_SERVER_PORT } from '../../wire/dhcp.js';
import { ICMP_HEADER_BYTES, IcmpType, Icmpv6Type, readIcmp, readIcmpv6 } from '../../wire/icmp.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { readTcpHeader, sequenceAdd, TcpFlag } from '../../wire/tcp.js';
import { readUdpHeader, UDP_HEADER_BYTES, udpChecksumHolds } from '../../wire/udp.js';
import type { GatewayContext } from './context.js';
import type { IcmpError } from './icmp-error.js';
import { sendOwn } from './packet-output.js';
import { type Ends, icmpPacket, tcpPacket, udpPacket } from './packets.js';
import type { GatewayServices } from './services.js';

const DNS_PORT = 53;
export const MAX_DNS_QUERIES = 128;

/** A packet whose headers were checked, to one of the gateway's addresses; no fragment. */
export interface LocalPacket {
  readonly family: 4 | 6;
  /** [start, end) is the whole packet. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly protocol: number;
  readonly payloadOffset: number;
  /** Of the transport checksum. */
  readonly pseudoHeaderSum: number;
  readonly sourceMac: number;
  /** The ends of an answer. */
  readonly replyEnds: Ends;
  /** The address is this network's gateway; otherwise that of another network of the project. */
  readonly isOwn: boolean;
  /** Tells the sender an error about this packet. */
  readonly refuse: (error: IcmpError) => void;
}

export class LocalDelivery {
  readonly #context: GatewayContext;
  readonly #services: GatewayServices;
  #dnsQueries = 0;

  constructor(context: GatewayContext, services: GatewayServices) {
    this.#context = context;
    this.#services = services;
  }

  deliver(packet: LocalPacket): void {
    switch (packet.protocol) {
      case IpProtocol.udp:
        return this.#deliverUdp(packet);
      case IpProtocol.tcp:
        return this.#deliverTcp(packet);
      case IpProtocol.icmp:
      case IpProtocol.icmpv6:
        return this.#deliverIcmp(packet);
      default:
        return this.#refuse(packet, 'protocol-unreachable');
    }
  }

  #deliverUdp(packet: LocalPacket): void {
    const { bytes, payloadOffset, pseudoHeaderSum } = packet;
    const header = readUdpHeader(bytes, payloadOffset, packet.end);
    const end = payloadOffset + (header?.lengthBytes ?? 0);
    // IPv6 has no datagrams without checksum (RFC 8200 section 8.1).
    const holds =
      header !== undefined &&
      (packet.family === 4 || header.checksum !== 0) &&
      udpChecksumHolds(bytes, payloadOffset, end, pseudoHeaderSum);
    if (!holds) {
      this.#context.drop('malformed');
      return;
    }
    if (header.destinationPort === DNS_PORT && packet.isOwn && this.#servesDns) {
      const query = Buffer.from(bytes.subarray(payloadOffset + UDP_HEADER_BYTES, end));
      void this.#answerDns(packet, query, header.sourcePort);
      return;
    }
    if (!this.#offerToNat(packet, header.destinationPort)) this.#refuse(packet, 'port-unreachable');
  }

  get #servesDns(): boolean {
    return this.#context.network.dns !== undefined;
  }

  async #answerDns(packet: LocalPacket, query: Buffer, clientPort: number): Promise<void> {
    if (this.#dnsQueries >= MAX_DNS_QUERIES) {
      this.#context.drop('queue-full');
      return;
    }
    const { replyEnds, sourceMac } = packet;
    const context = this.#context;
    this.#dnsQueries += 1;
    try {
      const answer = await this.#services.dns.handle(query, 'udp', context.network.name);
      if (answer === undefined) return;
      sendOwn(context, sourceMac, udpPacket(replyEnds, DNS_PORT, clientPort, answer));
      context.flush();
    } catch {
      context.drop('service-failed');
    } finally {
      this.#dnsQueries -= 1;
    }
  }

  #deliverTcp(packet: LocalPacket): void {
    const { bytes, payloadOffset, end } = packet;
    const header = readTcpHeader(bytes, payloadOffset, end);
    const context = this.#context;
    const holds = context.isChecksumLeft || checksum(bytes, payloadOffset, end, packet.pseudoHeaderSum) === 0;
    if (header === undefined || !holds) {
      context.drop('malformed');
      return;
    }
    if (this.#offerToNat(packet, header.destinationPort)) return;
    const { settings } = context;
    if (!settings.leadsOut) {
      context.drop('isolated');
      return;
    }
    context.drop('closed-port');
    if ((header.flags & TcpFlag.rst) !== 0) return;
    const { sourcePort, destinationPort, sequence, acknowledgement, flags, headerBytes } = header;
    // RFC 9293 section 3.10.7.1.
    const lengthBytes =
      end -
      payloadOffset -
      headerBytes +
      ((flags & TcpFlag.syn) === 0 ? 0 : 1) +
      ((flags & TcpFlag.fin) === 0 ? 0 : 1);
    const reset =
      (flags & TcpFlag.ack) === 0
        ? tcpPacket(
            packet.replyEnds,
            destinationPort,
            sourcePort,
            0,
            sequenceAdd(sequence, lengthBytes),
            TcpFlag.rst | TcpFlag.ack,
          )
        : tcpPacket(packet.replyEnds, destinationPort, sourcePort, acknowledgement, 0, TcpFlag.rst);
    sendOwn(context, packet.sourceMac, reset);
  }

  #deliverIcmp(packet: LocalPacket): void {
    const { bytes, start, payloadOffset, end, family } = packet;
    const isIpv4 = family === 4;
    if ((packet.protocol === IpProtocol.icmp) !== isIpv4) {
      this.#refuse(packet, 'protocol-unreachable');
      return;
    }
    const header = isIpv4
      ? readIcmp(bytes, payloadOffset, end)
      : readIcmpv6(bytes, start, payloadOffset, end);
    if (header === undefined) {
      this.#context.drop('malformed');
      return;
    }
    const request = isIpv4 ? IcmpType.echoRequest : Icmpv6Type.echoRequest;
    const reply = isIpv4 ? IcmpType.echoReply : Icmpv6Type.echoReply;
    if (header.type === request && header.code === 0) {
      const data = bytes.subarray(payloadOffset + ICMP_HEADER_BYTES, end);
      sendOwn(this.#context, packet.sourceMac, icmpPacket(packet.replyEnds, reply, 0, header.rest, data));
      return;
    }
    // Errors may be about what the NAT sent from the gateway's address; everything else asks for nothing.
    this.#offerToNat(packet, undefined);
  }

  /** @returns whether the NAT took it. */
  #offerToNat(packet: LocalPacket, port: number | undefined): boolean {
    const context = this.#context;
    const { bytes, start, end, sourceMac } = packet;
    const { nat } = this.#services;
    const isDnsOverTcp = port === DNS_PORT && packet.protocol === IpProtocol.tcp;
    if (isDnsOverTcp ? !this.#servesDns : !context.settings.leadsOut) return false;
    if (!packet.isOwn) return false;
    if (!context.network.hostLoopback || port === DNS_PORT || port === DHCP_SERVER_PORT) {
      return nat.receiveLocal(context, bytes, start, end, sourceMac);
    }
    nat.receive(context, bytes, start, end, sourceMac);
    return true;
  }

  #refuse(packet: LocalPacket, error: IcmpError): void {
    if (!this.#context.settings.leadsOut) {
      this.#context.drop('isolated');
      return;
    }
    this.#context.drop('closed-port');
    packet.refuse(error);
  }
}
