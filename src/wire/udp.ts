/** UDP headers (RFC 768), in place. */
import { checksum } from './checksum.js';

export const UDP_HEADER_BYTES = 8;

export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Header and payload. */
  readonly lengthBytes: number;
  /** 0: the sender computed none (IPv4 only). */
  readonly checksum: number;
}

/** @returns `undefined` when [start, end) does not hold the whole datagram. */
export function readUdpHeader(bytes: Buffer, start: number, end: number): UdpHeader | undefined {
  const available = end - start;
  if (end > bytes.length || available < UDP_HEADER_BYTES) return undefined;
  const lengthBytes = bytes.readUInt16BE(start + 4);
  if (lengthBytes < UDP_HEADER_BYTES || lengthBytes > available) return undefined;
  return {
    sourcePort: bytes.readUInt16BE(start),
    destinationPort: bytes.readUInt16BE(start + 2),
    lengthBytes,
    checksum: bytes.readUInt16BE(start + 6),
  };
}

/** Whether the checksum of the datagram [start, end) is right, or absent. IPv6 forbids absent: ask `checksum` first. */
export function udpChecksumHolds(
  bytes: Buffer,
  start: number,
  end: number,
  pseudoHeaderSum: number,
): boolean {
  return bytes.readUInt16BE(start + 6) === 0 || checksum(bytes, start, end, pseudoHeaderSum) === 0;
}

/**
 * Writes the header with checksum 0.
 * @param lengthBytes header and payload.
 * @returns the offset behind the header.
 */
export function writeUdpHeader(
  bytes: Buffer,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  lengthBytes: number,
): number {
  bytes.writeUInt16BE(sourcePort, offset);
  bytes.writeUInt16BE(destinationPort, offset + 2);
  bytes.writeUInt16BE(lengthBytes, offset + 4);
  bytes.writeUInt16BE(0, offset + 6);
  return offset + UDP_HEADER_BYTES;
}

/** Fills in the checksum of the datagram [start, end) once its payload stands. A sum of 0 is sent as 0xffff. */
export function setUdpChecksum(bytes: Buffer, start: number, end: number, pseudoHeaderSum: number): void {
  bytes.writeUInt16BE(0, start + 6);
  bytes.writeUInt16BE(checksum(bytes, start, end, pseudoHeaderSum) || 0xffff, start + 6);
}
