/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443), in place: echo, and errors with the packet they quote.
 *
 * Both share one layout: type, code, checksum, 32 bits whose meaning depends on the type, then data. Only the
 * checksum differs: ICMPv6 covers a pseudo-header. An error quotes the start of the packet that caused it.
 */
import { checksum, pseudoHeaderSumIpv6 } from './checksum.js';
import { IPV4_HEADER_BYTES, IpProtocol } from './ipv4.js';
import { IPV6_HEADER_BYTES, IPV6_MIN_MTU_BYTES, readIpv6Header } from './ipv6.js';

export const ICMP_HEADER_BYTES = 8;

export const IcmpType = {
  echoReply: 0,
  destinationUnreachable: 3,
  redirect: 5,
  echoRequest: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const;

/** Codes of `destinationUnreachable` (RFC 792, RFC 1812 section 5.2.7.1). */
export const UnreachableCode = {
  network: 0,
  host: 1,
  protocol: 2,
  port: 3,
  fragmentationNeeded: 4,
  adminProhibited: 13,
} as const;

export const Icmpv6Type = {
  destinationUnreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
} as const;

/** Codes of ICMPv6 `destinationUnreachable` (RFC 4443 section 3.1). */
export const Unreachable6Code = { noRoute: 0, adminProhibited: 1, address: 3, port: 4 } as const;

/** An IPv4 error is at most 576 bytes as a packet (RFC 1812 section 4.3.2.3). */
const MAX_QUOTED_IPV4_BYTES = 576 - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES;
/** An IPv6 error fits the minimum MTU (RFC 4443 section 3.1). */
const MAX_QUOTED_IPV6_BYTES = IPV6_MIN_MTU_BYTES - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES;

export interface IcmpHeader {
  readonly type: number;
  readonly code: number;
  /** The 32 bits after the checksum: identifier and sequence of an echo, MTU of a too-big. */
  readonly rest: number;
}

/** @returns `undefined` when the message [start, end) is short or its checksum is wrong. */
export function readIcmp(bytes: Buffer, start: number, end: number): IcmpHeader | undefined {
  return readMessage(bytes, start, end, 0);
}

/**
 * @param ipv6Offset where the IPv6 header stands.
 * @returns `undefined` when the message [start, end) is short or its checksum is wrong.
 */
export function readIcmpv6(
  bytes: Buffer,
  ipv6Offset: number,
  start: number,
  end: number,
): IcmpHeader | undefined {
  if (end > bytes.length) return undefined;
  return readMessage(
    bytes,
    start,
    end,
    pseudoHeaderSumIpv6(bytes, ipv6Offset, IpProtocol.icmpv6, end - start),
  );
}

function readMessage(bytes: Buffer, start: number, end: number, initial: number): IcmpHeader | undefined {
  if (end > bytes.length || end - start < ICMP_HEADER_BYTES) return undefined;
  if (checksum(bytes, start, end, initial) !== 0) return undefined;
  return { type: bytes[start]!, code: bytes[start + 1]!, rest: bytes.readUInt32BE(start + 4) };
}

/** The `rest` of an echo message. */
export function echoRest(identifier: number, sequence: number): number {
  return ((identifier << 16) | sequence) >>> 0;
}

/** Writes the 8-byte header with checksum 0. @returns the offset behind it, where the data goes. */
export function writeIcmpHeader(
  bytes: Buffer,
  offset: number,
  type: number,
  code: number,
  rest: number,
): number {
  bytes[offset] = type;
  bytes[offset + 1] = code;
  bytes.writeUInt16BE(0, offset + 2);
  bytes.writeUInt32BE(rest, offset + 4);
  return offset + ICMP_HEADER_BYTES;
}

/** Fills in the checksum of the message [start, end). */
export function setIcmpChecksum(bytes: Buffer, start: number, end: number): void {
  bytes.writeUInt16BE(0, start + 2);
  bytes.writeUInt16BE(checksum(bytes, start, end), start + 2);
}

/** Fills in the checksum of the message [start, end) whose IPv6 header stands at `ipv6Offset`, addresses written. */
export function setIcmpv6Checksum(bytes: Buffer, ipv6Offset: number, start: number, end: number): void {
  bytes.writeUInt16BE(0, start + 2);
  const initial = pseudoHeaderSumIpv6(bytes, ipv6Offset, IpProtocol.icmpv6, end - start);
  bytes.writeUInt16BE(checksum(bytes, start, end, initial), start + 2);
}

/** How many bytes of a packet an error about it quotes. */
export function quotedBytes(family: 4 | 6, packetBytes: number): number {
  return Math.min(packetBytes, family === 4 ? MAX_QUOTED_IPV4_BYTES : MAX_QUOTED_IPV6_BYTES);
}

/** What an ICMP error says of the packet it quotes. Ports are 0 where the quote has none. */
export interface QuotedPacket {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** Where the 4 or 16 bytes of each address stand. */
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  /** Where the transport header stands. */
  readonly transportOffset: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/**
 * Reads the packet quoted in [start, end), which is usually cut short.
 * @returns `undefined` when not even the first 4 bytes behind the IP header are there.
 */
export function readQuotedPacket(bytes: Buffer, start: number, end: number): QuotedPacket | undefined {
  if (end > bytes.length || end <= start) return undefined;
  return bytes[start]! >>> 4 === 4 ? readQuotedIpv4(bytes, start, end) : readQuotedIpv6(bytes, start, end);
}

function readQuotedIpv4(bytes: Buffer, start: number, end: number): QuotedPacket | undefined {
  const transportOffset = start + (bytes[start]! & 0xf) * 4;
  if (transportOffset < start + IPV4_HEADER_BYTES || transportOffset + 4 > end) return undefined;
  return {
    family: 4,
    protocol: bytes[start + 9]!,
    sourceOffset: start + 12,
    destinationOffset: start + 16,
    transportOffset,
    sourcePort: bytes.readUInt16BE(transportOffset),
    destinationPort: bytes.readUInt16BE(transportOffset + 2),
  };
}

function readQuotedIpv6(bytes: Buffer, start: number, end: number): QuotedPacket | undefined {
  const header = readIpv6Header(bytes, start, end, 'cut-short');
  if (header === undefined || header.payloadOffset + 4 > end) return undefined;
  return {
    family: 6,
    protocol: header.protocol,
    sourceOffset: header.sourceOffset,
    destinationOffset: header.destinationOffset,
    transportOffset: header.payloadOffset,
    sourcePort: bytes.readUInt16BE(header.payloadOffset),
    destinationPort: bytes.readUInt16BE(header.payloadOffset + 2),
  };
}
