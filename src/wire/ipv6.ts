/** IPv6 headers (RFC 8200), in place, and the walk along extension headers. */
import { DEFAULT_TTL } from './ipv4.js';

export const IPV6_HEADER_BYTES = 40;
export const IPV6_MIN_MTU_BYTES = 1280;
export const IPV6_FRAGMENT_HEADER_BYTES = 8;

export const ExtensionHeader = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  noNext: 59,
  destinationOptions: 60,
} as const;

/** RFC 8200 lets each header occur once, destination options twice; more than this is an attack, not traffic. */
const MAX_EXTENSION_HEADERS = 8;

export interface Ipv6Fragment {
  readonly headerOffset: number;
  /** Where the next-header byte stands that names the fragment header. */
  readonly previousNextHeaderOffset: number;
  readonly offsetBytes: number;
  readonly moreFragments: boolean;
  readonly identification: number;
  /** Next header of the fragmented part. */
  readonly nextHeader: number;
}

export interface Ipv6Header {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly hopLimit: number;
  /** Where the 16 bytes of each address stand. */
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  /** The upper-layer protocol behind the extension headers, or the header at which the walk stopped. */
  readonly protocol: number;
  /** Where the upper-layer header stands; of a later fragment, its data. */
  readonly payloadOffset: number;
  /** End of the packet; what follows in the frame is padding. */
  readonly end: number;
  readonly fragment: Ipv6Fragment | undefined;
}

/**
 * Reads and checks the packet in [start, end): version, payload length, extension headers within the packet.
 * @param extent `cut-short` for the start of a packet that an ICMP error quotes.
 * @returns `undefined` when a check fails; jumbograms (RFC 2675) fail.
 */
export function readIpv6Header(
  bytes: Buffer,
  start: number,
  end: number,
  extent: 'whole' | 'cut-short' = 'whole',
): Ipv6Header | undefined {
  if (end > bytes.length || end - start < IPV6_HEADER_BYTES) return undefined;
  const first = bytes.readUInt32BE(start);
  if (first >>> 28 !== 6) return undefined;
  const declaredEnd = start + IPV6_HEADER_BYTES + bytes.readUInt16BE(start + 4);
  if (declaredEnd > end && extent === 'whole') return undefined;
  const packetEnd = Math.min(declaredEnd, end);
  const walked = walkExtensionHeaders(bytes, start, packetEnd);
  if (walked === undefined) return undefined;
  return {
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xf_ffff,
    hopLimit: bytes[start + 7]!,
    sourceOffset: start + 8,
    destinationOffset: start + 24,
    protocol: walked.protocol,
    payloadOffset: walked.payloadOffset,
    end: packetEnd,
    fragment: walked.fragment,
  };
}

interface Walk {
  readonly protocol: number;
  readonly payloadOffset: number;
  readonly fragment: Ipv6Fragment | undefined;
}

function walkExtensionHeaders(bytes: Buffer, start: number, end: number): Walk | undefined {
  let protocol = bytes[start + 6]!;
  let nextHeaderOffset = start + 6;
  let offset = start + IPV6_HEADER_BYTES;
  let fragment: Ipv6Fragment | undefined;
  for (let count = 0; isExtensionHeader(protocol); count++) {
    if (count === MAX_EXTENSION_HEADERS || end - offset < 8) return undefined;
    // Hop-by-hop options stand first or nowhere (RFC 8200 section 4.1).
    if (protocol === ExtensionHeader.hopByHop && count !== 0) return undefined;
    if (protocol === ExtensionHeader.fragment) {
      if (fragment !== undefined) return undefined;
      fragment = readFragmentHeader(bytes, offset, nextHeaderOffset);
      nextHeaderOffset = offset;
      protocol = fragment.nextHeader;
      offset += IPV6_FRAGMENT_HEADER_BYTES;
      // The rest is a slice of the fragmented part: no header stands at its start.
      if (fragment.offsetBytes !== 0) break;
      continue;
    }
    const headerBytes = (bytes[offset + 1]! + 1) * 8;
    if (headerBytes > end - offset) return undefined;
    protocol = bytes[offset]!;
    nextHeaderOffset = offset;
    offset += headerBytes;
  }
  return { protocol, payloadOffset: offset, fragment };
}

function isExtensionHeader(protocol: number): boolean {
  return (
    protocol === ExtensionHeader.hopByHop ||
    protocol === ExtensionHeader.routing ||
    protocol === ExtensionHeader.fragment ||
    protocol === ExtensionHeader.destinationOptions
  );
}

function readFragmentHeader(bytes: Buffer, offset: number, previousNextHeaderOffset: number): Ipv6Fragment {
  const offsetAndFlags = bytes.readUInt16BE(offset + 2);
  return {
    headerOffset: offset,
    previousNextHeaderOffset,
    offsetBytes: offsetAndFlags & 0xfff8,
    moreFragments: (offsetAndFlags & 1) === 1,
    identification: bytes.readUInt32BE(offset + 4),
    nextHeader: bytes[offset]!,
  };
}

/**
 * Writes a header without extension headers.
 * @param source 16 bytes; so is `destination`.
 * @returns the offset behind the header.
 */
export function writeIpv6Header(
  bytes: Buffer,
  offset: number,
  payloadBytes: number,
  nextHeader: number,
  source: Uint8Array,
  destination: Uint8Array,
  hopLimit: number = DEFAULT_TTL,
  trafficClass = 0,
  flowLabel = 0,
): number {
  bytes.writeUInt32BE(((6 << 28) | (trafficClass << 20) | flowLabel) >>> 0, offset);
  bytes.writeUInt16BE(payloadBytes, offset + 4);
  bytes[offset + 6] = nextHeader;
  bytes[offset + 7] = hopLimit;
  bytes.set(source, offset + 8);
  bytes.set(destination, offset + 24);
  return offset + IPV6_HEADER_BYTES;
}

/** @returns the offset behind the fragment header (RFC 8200 section 4.5). */
export function writeIpv6FragmentHeader(
  bytes: Buffer,
  offset: number,
  nextHeader: number,
  offsetBytes: number,
  moreFragments: boolean,
  identification: number,
): number {
  bytes[offset] = nextHeader;
  bytes[offset + 1] = 0;
  bytes.writeUInt16BE((offsetBytes & 0xfff8) | (moreFragments ? 1 : 0), offset + 2);
  bytes.writeUInt32BE(identification, offset + 4);
  return offset + IPV6_FRAGMENT_HEADER_BYTES;
}
