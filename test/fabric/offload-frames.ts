/** TCP frames as a kernel leaves them to its NIC: many segments long, with the pseudo-header's sum for a checksum. */
import { foldSum, pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../src/wire/checksum.js';
import { EtherType, writeEthernetHeader } from '../../src/wire/ethernet.js';
import { IpProtocol, setIpv4Checksum } from '../../src/wire/ipv4.js';
import { writeIpv6Header } from '../../src/wire/ipv6.js';
import { TCP_HEADER_BYTES, writeTcpHeader } from '../../src/wire/tcp.js';
import { GsoType, type Offload } from '../../src/wire/virtio-net-header.js';

export interface LongFrame {
  readonly frame: Buffer;
  readonly offload: Offload;
  /** Offsets in the frame. */
  readonly ip: number;
  readonly payload: number;
}

export interface LongFrameOptions {
  readonly family: 4 | 6;
  readonly payload: Buffer;
  readonly gsoSize: number;
  readonly flags?: number;
  readonly isTagged?: boolean;
  readonly to?: number;
  readonly from?: number;
}

export function longFrame(options: LongFrameOptions): LongFrame {
  const { family, payload, gsoSize, flags = 0x18, isTagged = false, to = 2, from = 1 } = options;
  const ip = isTagged ? 18 : 14;
  const tcp = ip + (family === 4 ? 20 : 40);
  const payloadAt = tcp + TCP_HEADER_BYTES;
  const frame = Buffer.alloc(payloadAt + payload.length);
  const etherType = family === 4 ? EtherType.ipv4 : EtherType.ipv6;
  writeEthernetHeader(frame, 0, to, from, isTagged ? 0x8100 : etherType);
  if (isTagged) frame.writeUInt16BE(etherType, 16);
  const segmentBytes = frame.length - tcp;
  let sum: number;
  if (family === 4) {
    frame[ip] = 0x45;
    frame.writeUInt16BE(frame.length - ip, ip + 2);
    frame.writeUInt16BE(0xfffe, ip + 4);
    frame.writeUInt16BE(0x4000, ip + 6);
    frame[ip + 8] = 64;
    frame[ip + 9] = IpProtocol.tcp;
    frame.writeUInt32BE(0x0a00_0001, ip + 12);
    frame.writeUInt32BE(0x0a00_0002, ip + 16);
    setIpv4Checksum(frame, ip);
    sum = pseudoHeaderSumIpv4(0x0a00_0001, 0x0a00_0002, IpProtocol.tcp, segmentBytes);
  } else {
    const address = (last: number): Uint8Array => Uint8Array.from([0xfd, ...Array<number>(14).fill(0), last]);
    writeIpv6Header(frame, ip, segmentBytes, IpProtocol.tcp, address(1), address(2));
    sum = pseudoHeaderSumIpv6(frame, ip, IpProtocol.tcp, segmentBytes);
  }
  writeTcpHeader(frame, tcp, 1000, 80, 0xffff_ff00, 7, flags, 512);
  frame.writeUInt16BE(foldSum(sum), tcp + 16);
  payload.copy(frame, payloadAt);
  const isLong = payload.length > gsoSize;
  const offload: Offload = {
    checksumStart: tcp,
    checksumOffset: 16,
    gsoSize: isLong ? gsoSize : 0,
    gsoType: isLong ? (family === 4 ? GsoType.tcpIpv4 : GsoType.tcpIpv6) : GsoType.none,
    headerBytes: payloadAt,
  };
  return { frame, offload, ip, payload: payloadAt };
}
