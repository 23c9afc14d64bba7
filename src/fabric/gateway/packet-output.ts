/**
 * IP packets onto a gateway's link, no larger than its MTU: IPv4 is fragmented where allowed (RFC 791), IPv6 only when
 * the packet is the gateway's own (RFC 8200 section 5: routers never fragment).
 */
import { EtherType } from '../../wire/ethernet.js';
import { type Ipv4Header, readIpv4Header, setIpv4Checksum } from '../../wire/ipv4.js';
import { fragmentRanges, writeIpv4Fragment } from '../../wire/ipv4-reassembly.js';
import { copyBytes } from '../../wire/simd.js';
import {
  ExtensionHeader,
  IPV6_FRAGMENT_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  writeIpv6FragmentHeader,
} from '../../wire/ipv6.js';
import type { GatewayLink } from './link.js';

/** Fragments of different packets between the same hosts must not share a number (RFC 6864); one counter suffices. */
let identification = 0;

/** Sends the packet at `start`, whose header was read, in fragments where it exceeds the MTU. */
export function sendIpv4(
  link: GatewayLink,
  mac: number,
  bytes: Buffer,
  start: number,
  header: Ipv4Header,
): void {
  const { totalBytes, headerBytes } = header;
  if (totalBytes <= link.network.mtuBytes) {
    const offset = link.begin(mac, EtherType.ipv4, totalBytes);
    copyBytes(link.bytes, offset, bytes, start, start + totalBytes);
    return;
  }
  for (const range of fragmentRanges(header, link.network.mtuBytes)) {
    const offset = link.begin(mac, EtherType.ipv4, headerBytes + range.payloadBytes);
    writeIpv4Fragment(link.bytes, offset, bytes, start, header, range);
  }
}

/** Sends the IPv6 packet [start, end) as it is. */
export function sendIpv6(link: GatewayLink, mac: number, bytes: Buffer, start: number, end: number): void {
  const offset = link.begin(mac, EtherType.ipv6, end - start);
  copyBytes(link.bytes, offset, bytes, start, end);
}

/** Sends a packet of `packets.ts`, of either family, in fragments where it exceeds the MTU. */
export function sendOwn(link: GatewayLink, mac: number, packet: Buffer): void {
  const fits = packet.length <= link.network.mtuBytes;
  if (packet[0]! >>> 4 === 6) {
    if (fits) sendIpv6(link, mac, packet, 0, packet.length);
    else sendIpv6Fragments(link, mac, packet);
    return;
  }
  if (!fits) {
    packet.writeUInt16BE(nextIdentification() & 0xffff, 4);
    setIpv4Checksum(packet, 0);
  }
  const header = readIpv4Header(packet, 0, packet.length);
  if (header !== undefined) sendIpv4(link, mac, packet, 0, header);
}

function sendIpv6Fragments(link: GatewayLink, mac: number, packet: Buffer): void {
  const overheadBytes = IPV6_HEADER_BYTES + IPV6_FRAGMENT_HEADER_BYTES;
  const stepBytes = Math.max(8, (link.network.mtuBytes - overheadBytes) & ~7);
  const number = nextIdentification();
  const payload = packet.subarray(IPV6_HEADER_BYTES);
  for (let offset = 0; offset < payload.length; offset += stepBytes) {
    const part = payload.subarray(offset, offset + stepBytes);
    const start = link.begin(mac, EtherType.ipv6, overheadBytes + part.length);
    const { bytes } = link;
    packet.copy(bytes, start, 0, IPV6_HEADER_BYTES);
    bytes.writeUInt16BE(IPV6_FRAGMENT_HEADER_BYTES + part.length, start + 4);
    bytes[start + 6] = ExtensionHeader.fragment;
    const more = offset + part.length < payload.length;
    const at = writeIpv6FragmentHeader(bytes, start + IPV6_HEADER_BYTES, packet[6]!, offset, more, number);
    bytes.set(part, at);
  }
}

function nextIdentification(): number {
  identification = (identification + 1) >>> 0;
  return identification;
}
