/**
 * Neighbour discovery of the gateway (RFC 4861 section 7, RFC 4862 section 5.4).
 *
 * Events: a solicitation for one of the gateway's addresses is answered, another machine's duplicate address detection
 * included, so that nobody takes the address; solicitations and advertisements teach the cache. At the start the gateway
 * probes for its own addresses; it keeps them whatever the answer, for it is configured, and counts the conflict.
 */
import { Icmpv6Type } from '../../wire/icmp.js';
import {
  ALL_NODES,
  ipv6MulticastMac,
  solicitedNodeMulticast,
  UNSPECIFIED_IPV6,
} from '../../wire/ipv6-interface.js';
import type { Ipv6Header } from '../../wire/ipv6.js';
import { ipv6Equals } from '../../wire/address.js';
import { ipv6PrefixMatches } from '../../wire/cidr.js';
import {
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  NDP_HOP_LIMIT,
  readNeighbourAdvertisement,
  readNeighbourSolicitation,
} from '../../wire/ndp.js';
import { isIpv6LinkLocal, isIpv6Multicast, isIpv6Unspecified } from './address-class.js';
import { ipv6KeyOf } from './address-key.js';
import type { GatewayContext } from './context.js';
import { sendOwn } from './packet-output.js';
import { icmpv6MessagePacket } from './packets.js';
import type { Ipv6Settings } from './settings.js';

export class NeighbourDiscovery {
  readonly #context: GatewayContext;

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  /** A neighbour solicitation or advertisement whose checksum was verified; hop limit 255 is checked by the caller. */
  receive(bytes: Buffer, header: Ipv6Header, sourceMac: number): void {
    const own = this.#context.settings.ipv6;
    if (own === undefined) return;
    if (bytes[header.payloadOffset] === Icmpv6Type.neighbourSolicitation) {
      this.#receiveSolicitation(own, bytes, header, sourceMac);
    } else this.#receiveAdvertisement(own, bytes, header, sourceMac);
  }

  #receiveSolicitation(own: Ipv6Settings, bytes: Buffer, header: Ipv6Header, sourceMac: number): void {
    const message = readNeighbourSolicitation(bytes, header.payloadOffset, header.end);
    const unspecified = isIpv6Unspecified(bytes, header.sourceOffset);
    // From the unspecified address only to a group, and without a MAC (RFC 4861 section 7.1.1).
    const badProbe =
      unspecified && (!isIpv6Multicast(bytes, header.destinationOffset) || message?.sourceMac !== undefined);
    if (message === undefined || badProbe) {
      this.#context.drop('malformed');
      return;
    }
    const source = Uint8Array.from(bytes.subarray(header.sourceOffset, header.sourceOffset + 16));
    const isForUs = isOwn(own, message.target);
    if (!unspecified && message.sourceMac === sourceMac && mayBeNeighbour(own, source)) {
      if (isForUs) this.#context.neighbours.learn(ipv6KeyOf(source), sourceMac);
      else this.#context.neighbours.merge(ipv6KeyOf(source), sourceMac);
    }
    if (!isForUs) return;
    if (unspecified) this.advertise(message.target);
    else this.#sendAdvertisement(message.target, source, sourceMac, true);
  }

  #receiveAdvertisement(own: Ipv6Settings, bytes: Buffer, header: Ipv6Header, sourceMac: number): void {
    const message = readNeighbourAdvertisement(bytes, header.payloadOffset, header.end);
    const toGroup = isIpv6Multicast(bytes, header.destinationOffset);
    if (message === undefined || (toGroup && message.solicited)) {
      this.#context.drop('malformed');
      return;
    }
    if (isOwn(own, message.target)) {
      this.#context.drop('address-conflict');
      return;
    }
    // Without the option only unicast answers count: they came from the MAC that was asked.
    const mac = message.targetMac ?? sourceMac;
    if (mac !== sourceMac || !mayBeNeighbour(own, message.target)) return;
    this.#context.neighbours.merge(ipv6KeyOf(message.target), mac);
  }

  /** Asks for the MAC of an address (RFC 4861 section 7.2.2). */
  solicit(target: Uint8Array): void {
    const { ipv6, mac } = this.#context.settings;
    if (ipv6 === undefined) return;
    const source = isIpv6LinkLocal(target, 0) ? ipv6.linkLocal : ipv6.address;
    this.#sendSolicitation(source, target, { target, sourceMac: mac });
  }

  /** Duplicate address detection for both own addresses (RFC 4862 section 5.4.2). */
  probeOwn(): void {
    const own = this.#context.settings.ipv6;
    if (own === undefined) return;
    for (const target of [own.linkLocal, own.address]) {
      this.#sendSolicitation(UNSPECIFIED_IPV6, target, { target });
    }
  }

  /** Tells all nodes one of the gateway's addresses: after a change, and in defence of it. */
  advertise(target: Uint8Array): void {
    this.#sendAdvertisement(target, ALL_NODES, ipv6MulticastMac(ALL_NODES), false);
  }

  #sendSolicitation(
    source: Uint8Array,
    target: Uint8Array,
    message: Parameters<typeof encodeNeighbourSolicitation>[0],
  ): void {
    const destination = solicitedNodeMulticast(target);
    const body = encodeNeighbourSolicitation(message);
    const packet = icmpv6MessagePacket({ source, destination }, body, NDP_HOP_LIMIT);
    sendOwn(this.#context, ipv6MulticastMac(destination), packet);
  }

  #sendAdvertisement(target: Uint8Array, destination: Uint8Array, mac: number, solicited: boolean): void {
    const { settings } = this.#context;
    const body = encodeNeighbourAdvertisement({
      target,
      router: settings.leadsOut,
      solicited,
      override: true,
      targetMac: settings.mac,
    });
    sendOwn(this.#context, mac, icmpv6MessagePacket({ source: target, destination }, body, NDP_HOP_LIMIT));
  }
}

function isOwn(own: Ipv6Settings, address: Uint8Array): boolean {
  return ipv6Equals(address, 0, own.address) || ipv6Equals(address, 0, own.linkLocal);
}

function mayBeNeighbour(own: Ipv6Settings, address: Uint8Array): boolean {
  if (isOwn(own, address) || isIpv6Multicast(address, 0)) return false;
  return isIpv6LinkLocal(address, 0) || ipv6PrefixMatches(address, 0, own.prefix, own.prefixLength);
}
