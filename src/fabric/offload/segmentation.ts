/**
 * What a NIC does in hardware: putting in checksums, and cutting a frame of many TCP segments into frames of one.
 *
 * Theory of operation. The headers are parsed anew, whatever the sender says of them: `tcpHeadersOf` finds the frame
 * sound, or it is refused where it came in, so that no lie travels on. Each segment gets the headers of the whole, with
 * its own lengths, sequence number, IPv4 identification and checksums; FIN and PSH stand on the last only, CWR on the
 * first only (RFC 3168 section 6.1.2).
 */
import { checksum, pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import { EtherType, ETHERNET_HEADER_BYTES } from '../../wire/ethernet.js';
import { IPV4_HEADER_BYTES, IpProtocol, setIpv4Checksum } from '../../wire/ipv4.js';
import { IPV6_HEADER_BYTES } from '../../wire/ipv6.js';
import { TCP_HEADER_BYTES } from '../../wire/tcp.js';
import { GsoType, type Offload } from '../../wire/virtio-net-header.js';

const VLAN_TAG_BYTES = 4;
const VLAN_ETHER_TYPE = 0x8100;
const TCP_CHECKSUM_OFFSET = 16;
const UDP_CHECKSUM_OFFSET = 6;
const TCP_FLAGS_OFFSET = 13;
/** Linux sends no smaller segments either (TCP_MIN_SND_MSS): a frame must not become thousands. */
export const MIN_GSO_BYTES = 48;
const FIN_PSH = 0x09;
const CWR = 0x80;
/** More fragments, and the fragment offset. */
const IPV4_FRAGMENT_MASK = 0x3fff;

/** Offsets from the start of the frame. */
export interface TcpHeaders {
  readonly isIpv4: boolean;
  readonly ip: number;
  readonly tcp: number;
  readonly payload: number;
}

/**
 * Headers of a frame [frame, end) that holds one whole TCP packet.
 * @returns `undefined` for any other frame, and for one whose lengths do not agree.
 */
export function tcpHeadersOf(bytes: Buffer, frame: number, end: number): TcpHeaders | undefined {
  if (end - frame < ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES + TCP_HEADER_BYTES) return undefined;
  let etherType = bytes.readUInt16BE(frame + 12);
  let ip = ETHERNET_HEADER_BYTES;
  if (etherType === VLAN_ETHER_TYPE) {
    etherType = bytes.readUInt16BE(frame + 16);
    ip += VLAN_TAG_BYTES;
  }
  const isIpv4 = etherType === EtherType.ipv4;
  if (!isIpv4 && etherType !== EtherType.ipv6) return undefined;
  const start = frame + ip;
  let ipHeaderBytes = IPV6_HEADER_BYTES;
  if (isIpv4) {
    ipHeaderBytes = (bytes[start]! & 0xf) * 4;
    if (bytes[start]! >>> 4 !== 4 || ipHeaderBytes < IPV4_HEADER_BYTES) return undefined;
    if (bytes.readUInt16BE(start + 2) !== end - start) return undefined;
    if ((bytes.readUInt16BE(start + 6) & IPV4_FRAGMENT_MASK) !== 0) return undefined;
    if (bytes[start + 9] !== IpProtocol.tcp) return undefined;
  } else {
    if (end - start < IPV6_HEADER_BYTES || bytes[start]! >>> 4 !== 6) return undefined;
    if (bytes.readUInt16BE(start + 4) !== end - start - IPV6_HEADER_BYTES) return undefined;
    if (bytes[start + 6] !== IpProtocol.tcp) return undefined;
  }
  const tcp = start + ipHeaderBytes;
  if (end - tcp < TCP_HEADER_BYTES) return undefined;
  const tcpHeaderBytes = (bytes[tcp + 12]! >>> 4) * 4;
  if (tcpHeaderBytes < TCP_HEADER_BYTES || tcp + tcpHeaderBytes > end) return undefined;
  return { isIpv4, ip, tcp: tcp - frame, payload: tcp - frame + tcpHeaderBytes };
}

/**
 * Whether what a frame says is left to do can be done.
 * @param maxPacketBytes the largest IP packet that the frame may be, or be cut into.
 */
export function isSound(
  bytes: Buffer,
  frame: number,
  end: number,
  offload: Offload,
  maxPacketBytes: number,
): boolean {
  const { checksumStart, checksumOffset, gsoType, gsoSize } = offload;
  if (checksumStart < ETHERNET_HEADER_BYTES || checksumStart + checksumOffset + 2 > end - frame) return false;
  if (gsoType === GsoType.none) return true;
  const headers = tcpHeadersOf(bytes, frame, end);
  return (
    headers !== undefined &&
    gsoType === (headers.isIpv4 ? GsoType.tcpIpv4 : GsoType.tcpIpv6) &&
    gsoSize >= MIN_GSO_BYTES &&
    checksumStart === headers.tcp &&
    checksumOffset === TCP_CHECKSUM_OFFSET &&
    headers.payload - headers.ip + gsoSize <= maxPacketBytes
  );
}

/** Puts in the checksum that a frame [frame, end) lacks. */
export function completeChecksum(bytes: Buffer, frame: number, end: number, offload: Offload): void {
  const start = frame + offload.checksumStart;
  const sum = checksum(bytes, start, end);
  // A datagram without a checksum says so by 0; a sum of 0 is sent as its other form (RFC 768).
  const isUdp = offload.checksumOffset === UDP_CHECKSUM_OFFSET;
  bytes.writeUInt16BE(sum === 0 && isUdp ? 0xffff : sum, start + offload.checksumOffset);
}

/** Bytes that the segments of a frame take, with `overheadBytes` before each. */
export function segmentedBytes(
  frameBytes: number,
  headers: TcpHeaders,
  gsoSize: number,
  overheadBytes: number,
): number {
  const payloadBytes = frameBytes - headers.payload;
  const count = Math.max(1, Math.ceil(payloadBytes / gsoSize));
  return payloadBytes + count * (headers.payload + overheadBytes);
}

/**
 * Writes the segment whose payload begins `payloadOffset` bytes into that of the whole.
 * @param number how many segments stand before it.
 * @returns the offset in `target` behind it.
 */
export function writeSegment(
  source: Buffer,
  frame: number,
  end: number,
  headers: TcpHeaders,
  gsoSize: number,
  number: number,
  target: Buffer,
  at: number,
): number {
  const payloadOffset = number * gsoSize;
  const from = frame + headers.payload + payloadOffset;
  const to = Math.min(from + gsoSize, end);
  source.copy(target, at, frame, frame + headers.payload);
  const segmentEnd = at + headers.payload + (to - from);
  source.copy(target, at + headers.payload, from, to);
  const ip = at + headers.ip;
  const tcp = at + headers.tcp;
  target.writeUInt32BE((target.readUInt32BE(tcp + 4) + payloadOffset) >>> 0, tcp + 4);
  if (to < end) target[tcp + TCP_FLAGS_OFFSET]! &= ~FIN_PSH;
  if (number > 0) target[tcp + TCP_FLAGS_OFFSET]! &= ~CWR;
  target.writeUInt16BE(0, tcp + TCP_CHECKSUM_OFFSET);
  const segmentBytes = segmentEnd - tcp;
  let sum: number;
  if (headers.isIpv4) {
    target.writeUInt16BE(segmentEnd - ip, ip + 2);
    target.writeUInt16BE((target.readUInt16BE(ip + 4) + number) & 0xffff, ip + 4);
    setIpv4Checksum(target, ip);
    sum = pseudoHeaderSumIpv4(
      target.readUInt32BE(ip + 12),
      target.readUInt32BE(ip + 16),
      IpProtocol.tcp,
      segmentBytes,
    );
  } else {
    target.writeUInt16BE(segmentEnd - ip - IPV6_HEADER_BYTES, ip + 4);
    sum = pseudoHeaderSumIpv6(target, ip, IpProtocol.tcp, segmentBytes);
  }
  target.writeUInt16BE(checksum(target, tcp, segmentEnd, sum), tcp + TCP_CHECKSUM_OFFSET);
  return segmentEnd;
}
