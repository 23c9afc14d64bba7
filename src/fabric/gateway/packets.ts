/** Whole IP packets of the gateway's own making, each in a buffer of its own: for replies, not for the hot path. */
import { pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import { ICMP_HEADER_BYTES, setIcmpChecksum, setIcmpv6Checksum, writeIcmpHeader } from '../../wire/icmp.js';
import { DEFAULT_TTL, IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from '../../wire/ipv4.js';
import { IPV6_HEADER_BYTES, writeIpv6Header } from '../../wire/ipv6.js';
import { setTcpChecksum, TCP_HEADER_BYTES, writeTcpHeader } from '../../wire/tcp.js';
import { setUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../../wire/udp.js';

/** The two ends of a packet, IPv4 as u32. */
export interface Ipv4Ends {
  readonly source: number;
  readonly destination: number;
}

/** The two ends of a packet, 16 bytes each. */
export interface Ipv6Ends {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export type Ends = Ipv4Ends | Ipv6Ends;

interface Started {
  readonly packet: Buffer;
  readonly payloadOffset: number;
  readonly pseudoHeaderSum: number;
}

function start(ends: Ends, protocol: number, payloadBytes: number, hopLimit: number): Started {
  if (typeof ends.source === 'number' && typeof ends.destination === 'number') {
    const packet = Buffer.alloc(IPV4_HEADER_BYTES + payloadBytes);
    const { source, destination } = ends;
    // Fragments are made of these where they exceed the MTU, so DF is off.
    const payloadOffset = writeIpv4Header(
      packet,
      0,
      packet.length,
      protocol,
      source,
      destination,
      hopLimit,
      0,
      0,
    );
    const pseudoHeaderSum = pseudoHeaderSumIpv4(source, destination, protocol, payloadBytes);
    return { packet, payloadOffset, pseudoHeaderSum };
  }
  const { source, destination } = ends as Ipv6Ends;
  const packet = Buffer.alloc(IPV6_HEADER_BYTES + payloadBytes);
  const payloadOffset = writeIpv6Header(packet, 0, payloadBytes, protocol, source, destination, hopLimit);
  const pseudoHeaderSum = pseudoHeaderSumIpv6(packet, 0, protocol, payloadBytes);
  return { packet, payloadOffset, pseudoHeaderSum };
}

export function udpPacket(
  ends: Ends,
  sourcePort: number,
  destinationPort: number,
  payload: Uint8Array,
): Buffer {
  const lengthBytes = UDP_HEADER_BYTES + payload.length;
  const { packet, payloadOffset, pseudoHeaderSum } = start(ends, IpProtocol.udp, lengthBytes, DEFAULT_TTL);
  packet.set(payload, writeUdpHeader(packet, payloadOffset, sourcePort, destinationPort, lengthBytes));
  setUdpChecksum(packet, payloadOffset, packet.length, pseudoHeaderSum);
  return packet;
}

/** A segment without payload or options. */
export function tcpPacket(
  ends: Ends,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgement: number,
  flags: number,
): Buffer {
  const { packet, payloadOffset, pseudoHeaderSum } = start(
    ends,
    IpProtocol.tcp,
    TCP_HEADER_BYTES,
    DEFAULT_TTL,
  );
  writeTcpHeader(packet, payloadOffset, sourcePort, destinationPort, sequence, acknowledgement, flags, 0);
  setTcpChecksum(packet, payloadOffset, packet.length, pseudoHeaderSum);
  return packet;
}

/** An ICMP message, or ICMPv6 where the ends are. `data` follows the 8-byte header. */
export function icmpPacket(
  ends: Ends,
  type: number,
  code: number,
  rest: number,
  data: Uint8Array,
  hopLimit = DEFAULT_TTL,
): Buffer {
  const isIpv4 = typeof ends.source === 'number';
  const protocol = isIpv4 ? IpProtocol.icmp : IpProtocol.icmpv6;
  const { packet, payloadOffset } = start(ends, protocol, ICMP_HEADER_BYTES + data.length, hopLimit);
  packet.set(data, writeIcmpHeader(packet, payloadOffset, type, code, rest));
  if (isIpv4) setIcmpChecksum(packet, payloadOffset, packet.length);
  else setIcmpv6Checksum(packet, 0, payloadOffset, packet.length);
  return packet;
}

/** A whole ICMPv6 message, such as those of `wire/ndp.ts`, in a packet; its checksum is filled in. */
export function icmpv6MessagePacket(ends: Ipv6Ends, message: Uint8Array, hopLimit: number): Buffer {
  const { packet, payloadOffset } = start(ends, IpProtocol.icmpv6, message.length, hopLimit);
  packet.set(message, payloadOffset);
  setIcmpv6Checksum(packet, 0, payloadOffset, packet.length);
  return packet;
}
