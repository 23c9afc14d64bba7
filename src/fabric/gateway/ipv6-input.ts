/**
 * IPv6 packets that machines send to the gateway's MAC or to a group: checked, then delivered here, routed to another
 * network of the project, or handed to the NAT (RFC 8200, RFC 4291 section 2).
 */
import { ipv6Equals } from '../../wire/address.js';
import { ipv6PrefixMatches } from '../../wire/cidr.js';
import { pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import { Icmpv6Type, readIcmpv6 } from '../../wire/icmp.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { type Ipv6Header, readIpv6Header } from '../../wire/ipv6.js';
import { Ipv6Reassembler } from '../../wire/ipv6-reassembly.js';
import { ALL_DHCP_AGENTS } from '../../wire/ipv6-interface.js';
import { NDP_HOP_LIMIT } from '../../wire/ndp.js';
import { isIpv6LinkLocal, isIpv6Martian, isIpv6Multicast, isIpv6Unspecified } from './address-class.js';
import type { GatewayContext } from './context.js';
import type { DhcpDelivery } from './dhcp-delivery.js';
import type { LocalDelivery } from './local-delivery.js';
import type { NeighbourDiscovery } from './neighbour-discovery.js';
import type { RouterAdvertiser } from './router-advertiser.js';
import type { GatewayServices } from './services.js';
import type { Ipv6Settings } from './settings.js';

/** The parts of a gateway that take packets to itself. */
export interface Ipv6Parts {
  readonly local: LocalDelivery;
  readonly dhcp: DhcpDelivery;
  readonly neighbourDiscovery: NeighbourDiscovery;
  readonly advertiser: RouterAdvertiser;
}

export class Ipv6Input {
  readonly #context: GatewayContext;
  readonly #services: GatewayServices;
  readonly #parts: Ipv6Parts;
  readonly #nowMs: () => number;
  readonly #reassembler = new Ipv6Reassembler();

  constructor(context: GatewayContext, services: GatewayServices, parts: Ipv6Parts, nowMs: () => number) {
    this.#context = context;
    this.#services = services;
    this.#parts = parts;
    this.#nowMs = nowMs;
  }

  /** Datagrams under assembly and the bytes they hold. */
  get held(): { readonly datagrams: number; readonly bytes: number } {
    return this.#reassembler.held;
  }

  /** @param toGroup the frame went to a multicast MAC. */
  receive(bytes: Buffer, start: number, end: number, sourceMac: number, toGroup: boolean): void {
    const context = this.#context;
    const own = context.settings.ipv6;
    if (own === undefined) {
      context.drop(context.settings.leadsOut ? 'unsupported-protocol' : 'isolated');
      return;
    }
    const header = readIpv6Header(bytes, start, end);
    if (header === undefined) {
      context.drop('malformed');
      return;
    }
    const { sourceOffset, destinationOffset } = header;
    const unspecified = isIpv6Unspecified(bytes, sourceOffset);
    const linkLocal = isIpv6LinkLocal(bytes, sourceOffset);
    const isMartian = !unspecified && !linkLocal && isIpv6Martian(bytes, sourceOffset);
    if (isMartian || isOwnAddress(own, bytes, sourceOffset)) {
      context.drop('martian-source');
      return;
    }
    if (!unspecified && !linkLocal && !isOnLink(own, bytes, sourceOffset)) {
      context.drop('foreign-source');
      return;
    }
    if (isIpv6Multicast(bytes, destinationOffset)) {
      this.#deliverToGroup(bytes, start, header, sourceMac);
      return;
    }
    if (toGroup) context.drop('link-broadcast');
    else if (unspecified) context.drop('martian-source');
    else if (isOwnAddress(own, bytes, destinationOffset)) this.#deliver(own, bytes, start, header, sourceMac);
    else if (linkLocal && context.settings.leadsOut) context.drop('martian-source');
    else this.#route(own, bytes, start, header, sourceMac);
  }

  /** Of what goes to groups only neighbour discovery and DHCPv6 concern the gateway; neither is ever fragmented. */
  #deliverToGroup(bytes: Buffer, start: number, header: Ipv6Header, sourceMac: number): void {
    if (header.fragment !== undefined) return;
    if (header.protocol === IpProtocol.icmpv6) this.#receiveDiscovery(bytes, start, header, sourceMac);
    else if (ipv6Equals(bytes, header.destinationOffset, ALL_DHCP_AGENTS)) {
      this.#receiveDhcp(bytes, start, header, sourceMac);
    }
  }

  /** @returns whether the packet is DHCPv6, whatever came of it. */
  #receiveDhcp(bytes: Buffer, start: number, header: Ipv6Header, sourceMac: number): boolean {
    const { protocol, payloadOffset, end, sourceOffset } = header;
    if (protocol !== IpProtocol.udp) return false;
    const pseudoHeaderSum = pseudoHeaderSumIpv6(bytes, start, protocol, end - payloadOffset);
    const datagram = { bytes, payloadOffset, end, pseudoHeaderSum, sourceMac };
    return this.#parts.dhcp.receiveIpv6(datagram, sourceOffset);
  }

  #deliver(own: Ipv6Settings, bytes: Buffer, start: number, header: Ipv6Header, sourceMac: number): void {
    const { fragment } = header;
    if (fragment !== undefined) {
      const whole = this.#reassembler.add(bytes, start, header, fragment, this.#nowMs());
      const wholeHeader = whole && readIpv6Header(whole, 0, whole.length);
      if (whole === undefined || wholeHeader === undefined) return;
      // A fragment header inside a fragmented packet is no packet of this world.
      if (wholeHeader.fragment !== undefined || isDiscovery(whole, wholeHeader))
        this.#context.drop('malformed');
      else this.#deliverWhole(own, whole, 0, wholeHeader, sourceMac);
      return;
    }
    if (isDiscovery(bytes, header)) this.#receiveDiscovery(bytes, start, header, sourceMac);
    else this.#deliverWhole(own, bytes, start, header, sourceMac);
  }

  #deliverWhole(
    own: Ipv6Settings,
    bytes: Buffer,
    start: number,
    header: Ipv6Header,
    sourceMac: number,
  ): void {
    const { protocol, payloadOffset, end, sourceOffset, destinationOffset } = header;
    const isOwn = isOwnAddress(own, bytes, destinationOffset);
    if (isOwn && this.#receiveDhcp(bytes, start, header, sourceMac)) return;
    this.#parts.local.deliver({
      family: 6,
      bytes,
      start,
      end,
      protocol,
      payloadOffset,
      pseudoHeaderSum: pseudoHeaderSumIpv6(bytes, start, protocol, end - payloadOffset),
      sourceMac,
      replyEnds: {
        source: Uint8Array.from(bytes.subarray(destinationOffset, destinationOffset + 16)),
        destination: Uint8Array.from(bytes.subarray(sourceOffset, sourceOffset + 16)),
      },
      isOwn,
      refuse: (error) => this.#context.errors.sendIpv6(error, bytes, start, header, sourceMac),
    });
  }

  #receiveDiscovery(bytes: Buffer, start: number, header: Ipv6Header, sourceMac: number): void {
    if (!isDiscovery(bytes, header)) return;
    const { payloadOffset, end, hopLimit } = header;
    const message = readIcmpv6(bytes, start, payloadOffset, end);
    // Hop limit 255: it was not forwarded, so it comes from this link (RFC 4861 section 6.1, 7.1).
    if (message === undefined || hopLimit !== NDP_HOP_LIMIT) {
      this.#context.drop('malformed');
      return;
    }
    switch (message.type) {
      case Icmpv6Type.neighbourSolicitation:
      case Icmpv6Type.neighbourAdvertisement:
        return this.#parts.neighbourDiscovery.receive(bytes, header, sourceMac);
      case Icmpv6Type.routerSolicitation:
        return this.#parts.advertiser.receive(bytes, header, sourceMac);
      default:
        // Router advertisements and redirects are the gateway's to send.
        this.#context.drop('rogue-router');
    }
  }

  #route(own: Ipv6Settings, bytes: Buffer, start: number, header: Ipv6Header, sourceMac: number): void {
    const context = this.#context;
    const { router, nat } = this.#services;
    const { destinationOffset } = header;
    if (!context.settings.leadsOut) {
      context.drop('isolated');
      return;
    }
    if (isIpv6Martian(bytes, destinationOffset)) {
      context.drop('martian-destination');
      return;
    }
    const egress = router.networkOfIpv6(bytes, destinationOffset);
    if (egress !== undefined && !egress.settings.leadsOut) {
      context.drop('no-route');
      context.errors.sendIpv6('no-route', bytes, start, header, sourceMac);
      return;
    }
    const sibling = egress === context ? undefined : egress?.settings.ipv6;
    if (sibling !== undefined && ipv6Equals(bytes, destinationOffset, sibling.address)) {
      this.#deliver(own, bytes, start, header, sourceMac);
      return;
    }
    if (header.hopLimit <= 1) {
      context.drop('ttl-exceeded');
      context.errors.sendIpv6('time-exceeded', bytes, start, header, sourceMac);
      return;
    }
    if (egress !== undefined) {
      router.forwardIpv6(context, egress, bytes, start, header, sourceMac);
      return;
    }
    bytes[start + 7] = header.hopLimit - 1;
    nat.receive(context, bytes, start, header.end, sourceMac);
  }
}

function isOwnAddress(own: Ipv6Settings, bytes: Buffer, offset: number): boolean {
  return ipv6Equals(bytes, offset, own.address) || ipv6Equals(bytes, offset, own.linkLocal);
}

function isOnLink(own: Ipv6Settings, bytes: Buffer, offset: number): boolean {
  return ipv6PrefixMatches(bytes, offset, own.prefix, own.prefixLength);
}

/** Neighbour discovery, redirect (137) included. */
function isDiscovery(bytes: Buffer, header: Ipv6Header): boolean {
  if (header.protocol !== IpProtocol.icmpv6 || header.payloadOffset >= header.end) return false;
  const type = bytes[header.payloadOffset]!;
  return type >= Icmpv6Type.routerSolicitation && type <= 137;
}
