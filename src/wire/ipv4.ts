/** IPv4 headers (RFC 791), in place. */
import { checksum, updateChecksum } from './checksum.js';

export const IPV4_HEADER_BYTES = 20;
export const DEFAULT_TTL = 64;
export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;

/** Protocol numbers, which are IPv6 next-header values too. */
export const IpProtocol = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
} as const;

export interface Ipv4Header {
  readonly headerBytes: number;
  /** Header and payload; what follows in the frame is padding. */
  readonly totalBytes: number;
  /** DSCP and ECN, 8 bits. */
  readonly trafficClass: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  readonly fragmentOffsetBytes: number;
  readonly ttl: number;
  readonly protocol: number;
  /** u32 */
  readonly source: number;
  /** u32 */
  readonly destination: number;
}

/**
 * Reads and checks the header of the packet in [start, end): version, header length, total length, checksum.
 * @returns `undefined` when a check fails (RFC 1812 section 5.2.2).
 */
export function readIpv4Header(bytes: Buffer, start: number, end: number): Ipv4Header | undefined {
  const available = end - start;
  if (end > bytes.length || available < IPV4_HEADER_BYTES) return undefined;
  const versionAndLength = bytes[start]!;
  if (versionAndLength >>> 4 !== 4) return undefined;
  const headerBytes = (versionAndLength & 0xf) * 4;
  const totalBytes = bytes.readUInt16BE(start + 2);
  if (headerBytes < IPV4_HEADER_BYTES || headerBytes > totalBytes || totalBytes > available) return undefined;
  if (checksum(bytes, start, start + headerBytes) !== 0) return undefined;
  const flagsAndOffset = bytes.readUInt16BE(start + 6);
  return {
    headerBytes,
    totalBytes,
    trafficClass: bytes[start + 1]!,
    identification: bytes.readUInt16BE(start + 4),
    dontFragment: (flagsAndOffset & DONT_FRAGMENT) !== 0,
    moreFragments: (flagsAndOffset & MORE_FRAGMENTS) !== 0,
    fragmentOffsetBytes: (flagsAndOffset & 0x1fff) * 8,
    ttl: bytes[start + 8]!,
    protocol: bytes[start + 9]!,
    source: bytes.readUInt32BE(start + 12),
    destination: bytes.readUInt32BE(start + 16),
  };
}

export function isFragment(header: Ipv4Header): boolean {
  return header.moreFragments || header.fragmentOffsetBytes !== 0;
}

/**
 * Writes a header without options, checksum included.
 * @param totalBytes header and payload.
 * @param flagsAndOffset `DONT_FRAGMENT`, `MORE_FRAGMENTS` and the fragment offset in units of 8 bytes.
 * @returns the offset behind the header.
 */
export function writeIpv4Header(
  bytes: Buffer,
  offset: number,
  totalBytes: number,
  protocol: number,
  source: number,
  destination: number,
  ttl: number = DEFAULT_TTL,
  identification = 0,
  flagsAndOffset: number = DONT_FRAGMENT,
  trafficClass = 0,
): number {
  bytes[offset] = 0x45;
  bytes[offset + 1] = trafficClass;
  bytes.writeUInt16BE(totalBytes, offset + 2);
  bytes.writeUInt16BE(identification, offset + 4);
  bytes.writeUInt16BE(flagsAndOffset, offset + 6);
  bytes[offset + 8] = ttl;
  bytes[offset + 9] = protocol;
  bytes.writeUInt16BE(0, offset + 10);
  bytes.writeUInt32BE(source, offset + 12);
  bytes.writeUInt32BE(destination, offset + 16);
  setIpv4Checksum(bytes, offset);
  return offset + IPV4_HEADER_BYTES;
}

/** Computes the header checksum anew; options included. */
export function setIpv4Checksum(bytes: Buffer, offset: number): void {
  bytes.writeUInt16BE(0, offset + 10);
  bytes.writeUInt16BE(checksum(bytes, offset, offset + (bytes[offset]! & 0xf) * 4), offset + 10);
}

/** Counts the TTL down by one and mends the checksum (RFC 1624). The TTL is at least 1. */
export function decrementTtl(bytes: Buffer, offset: number): void {
  const before = bytes.readUInt16BE(offset + 8);
  const after = before - 0x100;
  bytes.writeUInt16BE(after, offset + 8);
  bytes.writeUInt16BE(updateChecksum(bytes.readUInt16BE(offset + 10), before, after), offset + 10);
}
