/**
 * Neighbour discovery messages (RFC 4861) with the DNS options of RFC 8106, as ICMPv6 bodies.
 *
 * These are rare packets: encoders return a buffer with checksum 0, which is copied behind an IPv6 header and finished by
 * `setIcmpv6Checksum`. Parsers take a message whose ICMPv6 checksum was verified; the hop limit of 255 that section
 * 6.1 and 7.1 ask for is the caller's to check.
 */
import { Icmpv6Type } from './icmp.js';
import {
  addressAt,
  encodeDnssl,
  encodeMac,
  encodeMtu,
  encodePrefix,
  encodeRdnss,
  macOption,
  OptionType,
  type PrefixInformation,
  readDnssl,
  readOptions,
  readPrefix,
  readRdnss,
} from './ndp-options.js';

/** Every neighbour discovery packet travels with this hop limit (RFC 4861 section 3). */
export const NDP_HOP_LIMIT = 255;

const ROUTER_SOLICITATION_BYTES = 8;
const ROUTER_ADVERTISEMENT_BYTES = 16;
const NEIGHBOUR_MESSAGE_BYTES = 24;
export interface RouterSolicitation {
  readonly sourceMac?: number;
}

export interface NeighbourSolicitation {
  /** 16 bytes. */
  readonly target: Uint8Array;
  readonly sourceMac?: number;
}

export interface NeighbourAdvertisement {
  /** 16 bytes. */
  readonly target: Uint8Array;
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
  readonly targetMac?: number;
}

export interface RouterAdvertisement {
  readonly hopLimit: number;
  /** The M flag: addresses by DHCPv6. */
  readonly managed: boolean;
  /** The O flag: other settings by DHCPv6. */
  readonly otherConfiguration: boolean;
  /** 0: not a default router. */
  readonly routerLifetimeSeconds: number;
  readonly reachableTimeMs: number;
  readonly retransmitTimerMs: number;
  readonly sourceMac?: number;
  readonly mtuBytes?: number;
  readonly prefixes: readonly PrefixInformation[];
  readonly rdnss?: { readonly lifetimeSeconds: number; readonly servers: readonly Uint8Array[] };
  readonly dnssl?: { readonly lifetimeSeconds: number; readonly domains: readonly string[] };
}

function isMessage(bytes: Buffer, start: number, end: number, type: number, minBytes: number): boolean {
  return end <= bytes.length && end - start >= minBytes && bytes[start] === type && bytes[start + 1] === 0;
}

export function readRouterSolicitation(
  bytes: Buffer,
  start: number,
  end: number,
): RouterSolicitation | undefined {
  if (!isMessage(bytes, start, end, Icmpv6Type.routerSolicitation, ROUTER_SOLICITATION_BYTES)) {
    return undefined;
  }
  const options = readOptions(bytes, start + ROUTER_SOLICITATION_BYTES, end);
  if (options === undefined) return undefined;
  const sourceMac = macOption(bytes, options, OptionType.sourceLinkLayerAddress);
  return sourceMac === undefined ? {} : { sourceMac };
}

export function readNeighbourSolicitation(
  bytes: Buffer,
  start: number,
  end: number,
): NeighbourSolicitation | undefined {
  if (!isMessage(bytes, start, end, Icmpv6Type.neighbourSolicitation, NEIGHBOUR_MESSAGE_BYTES)) {
    return undefined;
  }
  const options = readOptions(bytes, start + NEIGHBOUR_MESSAGE_BYTES, end);
  // A target that is multicast is invalid (section 7.1.1).
  if (options === undefined || bytes[start + 8] === 0xff) return undefined;
  const sourceMac = macOption(bytes, options, OptionType.sourceLinkLayerAddress);
  return { target: addressAt(bytes, start + 8), ...(sourceMac === undefined ? {} : { sourceMac }) };
}

export function readNeighbourAdvertisement(
  bytes: Buffer,
  start: number,
  end: number,
): NeighbourAdvertisement | undefined {
  if (!isMessage(bytes, start, end, Icmpv6Type.neighbourAdvertisement, NEIGHBOUR_MESSAGE_BYTES)) {
    return undefined;
  }
  const options = readOptions(bytes, start + NEIGHBOUR_MESSAGE_BYTES, end);
  if (options === undefined || bytes[start + 8] === 0xff) return undefined;
  const flags = bytes[start + 4]!;
  const targetMac = macOption(bytes, options, OptionType.targetLinkLayerAddress);
  return {
    target: addressAt(bytes, start + 8),
    router: (flags & 0x80) !== 0,
    solicited: (flags & 0x40) !== 0,
    override: (flags & 0x20) !== 0,
    ...(targetMac === undefined ? {} : { targetMac }),
  };
}

export function readRouterAdvertisement(
  bytes: Buffer,
  start: number,
  end: number,
): RouterAdvertisement | undefined {
  if (!isMessage(bytes, start, end, Icmpv6Type.routerAdvertisement, ROUTER_ADVERTISEMENT_BYTES)) {
    return undefined;
  }
  const options = readOptions(bytes, start + ROUTER_ADVERTISEMENT_BYTES, end);
  if (options === undefined) return undefined;
  const flags = bytes[start + 5]!;
  const sourceMac = macOption(bytes, options, OptionType.sourceLinkLayerAddress);
  const mtu = options.find((option) => option.type === OptionType.mtu);
  const rdnss = options.find((option) => option.type === OptionType.rdnss);
  const dnssl = options.find((option) => option.type === OptionType.dnssl);
  return {
    hopLimit: bytes[start + 4]!,
    managed: (flags & 0x80) !== 0,
    otherConfiguration: (flags & 0x40) !== 0,
    routerLifetimeSeconds: bytes.readUInt16BE(start + 6),
    reachableTimeMs: bytes.readUInt32BE(start + 8),
    retransmitTimerMs: bytes.readUInt32BE(start + 12),
    ...(sourceMac === undefined ? {} : { sourceMac }),
    ...(mtu === undefined ? {} : { mtuBytes: bytes.readUInt32BE(mtu.start + 4) }),
    prefixes: options.flatMap((option) => readPrefix(bytes, option)),
    ...(rdnss === undefined ? {} : { rdnss: readRdnss(bytes, rdnss) }),
    ...(dnssl === undefined ? {} : { dnssl: readDnssl(bytes, dnssl) }),
  };
}

export function encodeRouterSolicitation(message: RouterSolicitation): Buffer {
  const body = Buffer.alloc(ROUTER_SOLICITATION_BYTES);
  body[0] = Icmpv6Type.routerSolicitation;
  return message.sourceMac === undefined
    ? body
    : Buffer.concat([body, encodeMac(OptionType.sourceLinkLayerAddress, message.sourceMac)]);
}

export function encodeNeighbourSolicitation(message: NeighbourSolicitation): Buffer {
  const body = Buffer.alloc(NEIGHBOUR_MESSAGE_BYTES);
  body[0] = Icmpv6Type.neighbourSolicitation;
  body.set(message.target, 8);
  return message.sourceMac === undefined
    ? body
    : Buffer.concat([body, encodeMac(OptionType.sourceLinkLayerAddress, message.sourceMac)]);
}

export function encodeNeighbourAdvertisement(message: NeighbourAdvertisement): Buffer {
  const body = Buffer.alloc(NEIGHBOUR_MESSAGE_BYTES);
  body[0] = Icmpv6Type.neighbourAdvertisement;
  body[4] = (message.router ? 0x80 : 0) | (message.solicited ? 0x40 : 0) | (message.override ? 0x20 : 0);
  body.set(message.target, 8);
  return message.targetMac === undefined
    ? body
    : Buffer.concat([body, encodeMac(OptionType.targetLinkLayerAddress, message.targetMac)]);
}

export function encodeRouterAdvertisement(message: RouterAdvertisement): Buffer {
  const body = Buffer.alloc(ROUTER_ADVERTISEMENT_BYTES);
  body[0] = Icmpv6Type.routerAdvertisement;
  body[4] = message.hopLimit;
  body[5] = (message.managed ? 0x80 : 0) | (message.otherConfiguration ? 0x40 : 0);
  body.writeUInt16BE(message.routerLifetimeSeconds, 6);
  body.writeUInt32BE(message.reachableTimeMs, 8);
  body.writeUInt32BE(message.retransmitTimerMs, 12);
  const { sourceMac, mtuBytes, rdnss, dnssl } = message;
  const options = message.prefixes.map(encodePrefix);
  if (sourceMac !== undefined) options.push(encodeMac(OptionType.sourceLinkLayerAddress, sourceMac));
  if (mtuBytes !== undefined) options.push(encodeMtu(mtuBytes));
  if (rdnss !== undefined) options.push(encodeRdnss(rdnss.lifetimeSeconds, rdnss.servers));
  if (dnssl !== undefined) options.push(encodeDnssl(dnssl.lifetimeSeconds, dnssl.domains));
  return Buffer.concat([body, ...options]);
}
