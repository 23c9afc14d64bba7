/** DHCP datagrams between machines and the project's servers: the IP and UDP around them (RFC 2131, RFC 8415). */
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT } from '../../wire/dhcp.js';
import { DHCPV6_CLIENT_PORT, DHCPV6_SERVER_PORT } from '../../wire/dhcpv6.js';
import { readUdpHeader, UDP_HEADER_BYTES, udpChecksumHolds } from '../../wire/udp.js';
import { isIpv6LinkLocal } from './address-class.js';
import type { GatewayContext } from './context.js';
import { sendOwn } from './packet-output.js';
import { udpPacket } from './packets.js';
import type { GatewayServices } from './services.js';

/** A UDP datagram in a packet whose headers were checked; no fragment. */
export interface Datagram {
  readonly bytes: Buffer;
  readonly payloadOffset: number;
  readonly end: number;
  readonly pseudoHeaderSum: number;
  readonly sourceMac: number;
}

export class DhcpDelivery {
  readonly #context: GatewayContext;
  readonly #services: GatewayServices;

  constructor(context: GatewayContext, services: GatewayServices) {
    this.#context = context;
    this.#services = services;
  }

  /** @returns whether the datagram is for the DHCPv4 server of the network, whatever came of it. */
  receiveIpv4(datagram: Datagram): boolean {
    const context = this.#context;
    const { network, settings } = context;
    const payload = this.#payloadFor(DHCP_SERVER_PORT, datagram);
    if (payload === undefined || network.dhcp === undefined || settings.ipv4 === undefined) return false;
    if (payload === 'malformed') {
      context.drop('malformed');
      return true;
    }
    const reply = this.#services.dhcp.receive(network.name, payload, datagram.sourceMac);
    if (typeof reply === 'string') context.drop('dhcp-refused');
    else if (reply !== undefined) {
      const ends = { source: settings.ipv4.address, destination: reply.destinationAddress };
      const packet = udpPacket(ends, DHCP_SERVER_PORT, DHCP_CLIENT_PORT, reply.payload);
      sendOwn(context, reply.destinationMac, packet);
    }
    return true;
  }

  /**
   * @param sourceOffset where the sender's address stands in the bytes: link-local, as RFC 8415 section 17 asks.
   * @returns whether the datagram is for the DHCPv6 server of the network, whatever came of it.
   */
  receiveIpv6(datagram: Datagram, sourceOffset: number): boolean {
    const context = this.#context;
    const { network, settings } = context;
    const { bytes, sourceMac } = datagram;
    const { dhcpv6 } = this.#services;
    const payload = this.#payloadFor(DHCPV6_SERVER_PORT, datagram);
    if (payload === undefined || settings.ipv6 === undefined || !dhcpv6.serves(network.name)) return false;
    if (payload === 'malformed' || !isIpv6LinkLocal(bytes, sourceOffset)) {
      context.drop('malformed');
      return true;
    }
    const destination = Uint8Array.from(bytes.subarray(sourceOffset, sourceOffset + 16));
    const reply = dhcpv6.receive(network.name, payload, sourceMac);
    if (typeof reply === 'string') context.drop('dhcp-refused');
    else if (reply !== undefined) {
      const ends = { source: settings.ipv6.linkLocal, destination };
      sendOwn(context, sourceMac, udpPacket(ends, DHCPV6_SERVER_PORT, DHCPV6_CLIENT_PORT, reply));
    }
    return true;
  }

  #payloadFor(port: number, datagram: Datagram): Buffer | 'malformed' | undefined {
    const { bytes, payloadOffset, end, pseudoHeaderSum } = datagram;
    const header = readUdpHeader(bytes, payloadOffset, end);
    if (header?.destinationPort !== port) return undefined;
    const datagramEnd = payloadOffset + header.lengthBytes;
    if (!udpChecksumHolds(bytes, payloadOffset, datagramEnd, pseudoHeaderSum)) return 'malformed';
    return bytes.subarray(payloadOffset + UDP_HEADER_BYTES, datagramEnd);
  }
}
