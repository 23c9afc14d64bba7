/** ARP for IPv4 over Ethernet (RFC 826). */
import { readMac, writeMac } from './ethernet.js';

export const ARP_BYTES = 28;
export const ArpOperation = { request: 1, reply: 2 } as const;

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;

/** MACs are 48-bit numbers, addresses u32. */
export interface ArpPacket {
  readonly operation: number;
  readonly senderMac: number;
  readonly senderAddress: number;
  readonly targetMac: number;
  readonly targetAddress: number;
}

/** `undefined` for a short packet and for other hardware, protocols or address lengths. */
export function readArp(bytes: Buffer, start: number, end: number): ArpPacket | undefined {
  if (end > bytes.length || end - start < ARP_BYTES) return undefined;
  if (bytes.readUInt16BE(start) !== HARDWARE_ETHERNET || bytes.readUInt16BE(start + 2) !== PROTOCOL_IPV4) {
    return undefined;
  }
  if (bytes[start + 4] !== 6 || bytes[start + 5] !== 4) return undefined;
  return {
    operation: bytes.readUInt16BE(start + 6),
    senderMac: readMac(bytes, start + 8),
    senderAddress: bytes.readUInt32BE(start + 14),
    targetMac: readMac(bytes, start + 18),
    targetAddress: bytes.readUInt32BE(start + 24),
  };
}

/** @returns the offset behind the packet. */
export function writeArp(bytes: Buffer, offset: number, packet: ArpPacket): number {
  bytes.writeUInt16BE(HARDWARE_ETHERNET, offset);
  bytes.writeUInt16BE(PROTOCOL_IPV4, offset + 2);
  bytes[offset + 4] = 6;
  bytes[offset + 5] = 4;
  bytes.writeUInt16BE(packet.operation, offset + 6);
  writeMac(bytes, offset + 8, packet.senderMac);
  bytes.writeUInt32BE(packet.senderAddress, offset + 14);
  writeMac(bytes, offset + 18, packet.targetMac);
  bytes.writeUInt32BE(packet.targetAddress, offset + 24);
  return offset + ARP_BYTES;
}
