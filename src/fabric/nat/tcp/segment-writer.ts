/** Segments to the guest, built in place in the link's buffer. */
import type { GatewayLink } from '../../gateway/link.js';
import { foldSum } from '../../../wire/checksum.js';
import { ETHERNET_HEADER_BYTES } from '../../../wire/ethernet.js';
import { IpProtocol } from '../../../wire/ipv4.js';
import { GsoType } from '../../../wire/virtio-net-header.js';
import {
  setTcpChecksum,
  TCP_HEADER_BYTES,
  TcpFlag,
  type TcpHeader,
  tcpHeaderBytes,
  type TcpOptions,
  writeTcpHeader,
} from '../../../wire/tcp.js';
import type { ConnectionEnds, ControlBlock, TcpContext } from './control-block.js';
import { largestSegmentBytes } from './control-block.js';
import { MAX_UNSCALED_WINDOW_BYTES, WINDOW_SHIFT } from './limits.js';

/** Where the checksum stands in a TCP header. */
const TCP_CHECKSUM_OFFSET = 16;

/** Ranges that fit beside no other option (RFC 2018 section 3). */
const MAX_SACK_BLOCKS = 4;

/**
 * Writes a segment of an open connection: `payloadBytes` of the ring from `sequence` on, and what there is to
 * acknowledge.
 */
export function writeSegment(
  tcb: ControlBlock,
  link: GatewayLink,
  sequence: number,
  payloadBytes: number,
  flags: number,
  options?: TcpOptions,
): void {
  const { path, receive } = tcb;
  const headerBytes = options === undefined ? TCP_HEADER_BYTES : tcpHeaderBytes(options);
  const segmentBytes = headerBytes + payloadBytes;
  const packet = link.begin(tcb.guestMac, path.etherType, path.headerBytes + segmentBytes);
  const { bytes } = link;
  const segment = path.writeHeader(bytes, packet, segmentBytes, IpProtocol.tcp);
  const payload = writeTcpHeader(
    bytes,
    segment,
    tcb.remotePort,
    tcb.guestPort,
    sequence,
    receive.next,
    flags | TcpFlag.ack,
    receive.offer(tcb.toHost.queuedBytes, tcb.segmentBytes),
    options,
  );
  const payloadSum = payloadBytes > 0 ? tcb.ring.copyTo(bytes, payload, sequence, payloadBytes) : 0;
  const sum = path.pseudoHeaderSum(IpProtocol.tcp, segmentBytes);
  if (payloadBytes > 0 && link.offloadBytes(tcb.guestMac) > 0) {
    leaveToPort(tcb, link, segment, foldSum(sum), payloadBytes);
  } else setTcpChecksum(bytes, segment, payload, sum + payloadSum);
  tcb.acknowledged = receive.next;
  tcb.acknowledge = 'not';
  tcb.acknowledgeAtMs = Number.POSITIVE_INFINITY;
}

/** The port puts in the checksum, and cuts what is longer than a segment (virtio 1.2, 5.1.6.2). */
function leaveToPort(
  { path, mssBytes }: ControlBlock,
  link: GatewayLink,
  segment: number,
  pseudoHeaderSum: number,
  payloadBytes: number,
): void {
  link.bytes.writeUInt16BE(pseudoHeaderSum, segment + TCP_CHECKSUM_OFFSET);
  const isCut = payloadBytes > mssBytes;
  const checksumStart = ETHERNET_HEADER_BYTES + path.headerBytes;
  link.leave({
    checksumStart,
    checksumOffset: TCP_CHECKSUM_OFFSET,
    gsoSize: isCut ? mssBytes : 0,
    gsoType: isCut ? (path.family === 4 ? GsoType.tcpIpv4 : GsoType.tcpIpv6) : GsoType.none,
    headerBytes: checksumStart + TCP_HEADER_BYTES,
  });
}

/** An acknowledgement alone, with the ranges that came out of order. */
export function writeAcknowledgement(tcb: ControlBlock, link: GatewayLink): void {
  const sackBlocks =
    tcb.sackPermitted && !tcb.reassembly.isEmpty ? tcb.reassembly.ranges(MAX_SACK_BLOCKS) : undefined;
  writeSegment(tcb, link, tcb.send.next, 0, 0, sackBlocks === undefined ? undefined : { sackBlocks });
}

/** Our SYN (`syn-sent`) or SYN-ACK. */
export function writeSyn(tcb: ControlBlock, context: TcpContext): void {
  const { link, limits } = context;
  const answering = tcb.phase !== 'syn-sent';
  const scaled = !answering || tcb.receive.shift > 0;
  const options: TcpOptions = {
    mssBytes: largestSegmentBytes(tcb.path, link.network.mtuBytes),
    ...(scaled ? { windowScale: WINDOW_SHIFT } : {}),
    ...(!answering || tcb.sackPermitted ? { sackPermitted: true } : {}),
  };
  writeBare(
    link,
    tcb,
    tcb.send.initial,
    answering ? tcb.receive.next : 0,
    answering ? TcpFlag.syn | TcpFlag.ack : TcpFlag.syn,
    answering ? tcb.receive.offerUnscaled() : Math.min(limits.receiveBytes, MAX_UNSCALED_WINDOW_BYTES),
    options,
  );
}

/** A reset of a connection we know (RFC 9293 section 3.5.2). */
export function writeReset(tcb: ControlBlock, link: GatewayLink): void {
  const { send, receive } = tcb;
  if (tcb.phase === 'dialing') {
    // Nothing was sent yet: this answers the SYN.
    writeBare(link, tcb, 0, receive.next, TcpFlag.rst | TcpFlag.ack, 0);
  } else writeBare(link, tcb, send.highest, receive.next, TcpFlag.rst | TcpFlag.ack, 0);
}

/**
 * The reset that answers a segment which belongs nowhere (RFC 9293 section 3.10.7.1). The caller has made sure
 * that it is no reset itself.
 * @param segmentBytes sequence numbers that the segment takes.
 */
export function writeResetReply(
  link: GatewayLink,
  ends: ConnectionEnds,
  header: TcpHeader,
  segmentBytes: number,
): void {
  if ((header.flags & TcpFlag.ack) !== 0) {
    writeBare(link, ends, header.acknowledgement, 0, TcpFlag.rst, 0);
  } else {
    const behind = (header.sequence + segmentBytes) >>> 0;
    writeBare(link, ends, 0, behind, TcpFlag.rst | TcpFlag.ack, 0);
  }
}

function writeBare(
  link: GatewayLink,
  ends: ConnectionEnds,
  sequence: number,
  acknowledgement: number,
  flags: number,
  window: number,
  options?: TcpOptions,
): void {
  const { path } = ends;
  const segmentBytes = tcpHeaderBytes(options);
  const packet = link.begin(ends.guestMac, path.etherType, path.headerBytes + segmentBytes);
  const { bytes } = link;
  const segment = path.writeHeader(bytes, packet, segmentBytes, IpProtocol.tcp);
  const { remotePort, guestPort } = ends;
  writeTcpHeader(bytes, segment, remotePort, guestPort, sequence, acknowledgement, flags, window, options);
  setTcpChecksum(bytes, segment, segment + segmentBytes, path.pseudoHeaderSum(IpProtocol.tcp, segmentBytes));
}
