/**
 * Writing pcapng (draft-ietf-opsawg-pcapng): one section, one Ethernet interface, packets, statistics at the end.
 * Little-endian; timestamps are microseconds, the format's default resolution, which fits a double exactly.
 */
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;
/** Type, length, and the length again at the end. */
const BLOCK_OVERHEAD_BYTES = 12;
const TWO_POW_32 = 0x1_0000_0000;

const Option = {
  userApplication: 4,
  interfaceName: 2,
  packetFlags: 2,
  packetDropCount: 4,
  statisticsReceived: 4,
  statisticsDropped: 5,
} as const;

/** Bits 0-1 of the packet flags, seen from the interface. */
export const PacketDirection = { inbound: 1, outbound: 2 } as const;
export type PacketDirection = (typeof PacketDirection)[keyof typeof PacketDirection];

export interface EnhancedPacket {
  /** Since the epoch; a whole number. */
  readonly timestampMicroseconds: number;
  readonly direction: PacketDirection;
  /** Length on the wire; more than `bytes` holds when the packet was cut. */
  readonly originalBytes: number;
  /** Packets lost between the one before and this one. */
  readonly dropCount: number;
}

/** The two blocks that open a file: section header and interface description. */
export function encodeHeader(application: string, interfaceName: string, snapLengthBytes: number): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16LE(1, 4);
  // The section's length is not known while it is being written: -1.
  section.fill(0xff, 8, 16);
  const description = Buffer.alloc(8);
  description.writeUInt16LE(LINKTYPE_ETHERNET, 0);
  description.writeUInt32LE(snapLengthBytes, 4);
  return Buffer.concat([
    block(SECTION_HEADER, section, textOption(Option.userApplication, application)),
    block(INTERFACE_DESCRIPTION, description, textOption(Option.interfaceName, interfaceName)),
  ]);
}

/** One packet, bytes [start, end) of the buffer. */
export function encodePacket(packet: EnhancedPacket, bytes: Buffer, start: number, end: number): Buffer {
  const capturedBytes = end - start;
  const optionBytes = 8 + (packet.dropCount > 0 ? 12 : 0) + 4;
  const total = BLOCK_OVERHEAD_BYTES + 20 + padded(capturedBytes) + optionBytes;
  const out = Buffer.alloc(total);
  out.writeUInt32LE(ENHANCED_PACKET, 0);
  out.writeUInt32LE(total, 4);
  writeTimestamp(out, 12, packet.timestampMicroseconds);
  out.writeUInt32LE(capturedBytes, 20);
  out.writeUInt32LE(packet.originalBytes, 24);
  bytes.copy(out, 28, start, end);
  let offset = writeOptionHeader(out, 28 + padded(capturedBytes), Option.packetFlags, 4);
  offset = out.writeUInt32LE(packet.direction, offset);
  if (packet.dropCount > 0) {
    offset = writeOptionHeader(out, offset, Option.packetDropCount, 8);
    out.writeBigUInt64LE(BigInt(packet.dropCount), offset);
  }
  out.writeUInt32LE(total, total - 4);
  return out;
}

/** What the interface saw in all; `receivedCount` includes what was dropped. */
export function encodeStatistics(
  timestampMicroseconds: number,
  receivedCount: number,
  droppedCount: number,
): Buffer {
  const body = Buffer.alloc(12);
  writeTimestamp(body, 4, timestampMicroseconds);
  return block(
    INTERFACE_STATISTICS,
    body,
    Buffer.concat([
      countOption(Option.statisticsReceived, receivedCount),
      countOption(Option.statisticsDropped, droppedCount),
    ]),
  );
}

function block(type: number, body: Buffer, options: Buffer): Buffer {
  const total = BLOCK_OVERHEAD_BYTES + body.length + options.length + 4;
  const out = Buffer.alloc(total);
  out.writeUInt32LE(type, 0);
  out.writeUInt32LE(total, 4);
  body.copy(out, 8);
  options.copy(out, 8 + body.length);
  // Four zero bytes are `opt_endofopt`.
  out.writeUInt32LE(total, total - 4);
  return out;
}

function textOption(code: number, text: string): Buffer {
  const value = Buffer.from(text, 'utf8').subarray(0, 0xffff);
  const out = Buffer.alloc(4 + padded(value.length));
  value.copy(out, writeOptionHeader(out, 0, code, value.length));
  return out;
}

function countOption(code: number, count: number): Buffer {
  const out = Buffer.alloc(12);
  out.writeBigUInt64LE(BigInt(count), writeOptionHeader(out, 0, code, 8));
  return out;
}

function writeOptionHeader(out: Buffer, offset: number, code: number, byteCount: number): number {
  out.writeUInt16LE(code, offset);
  return out.writeUInt16LE(byteCount, offset + 2);
}

function writeTimestamp(out: Buffer, offset: number, microseconds: number): void {
  out.writeUInt32LE(Math.floor(microseconds / TWO_POW_32), offset);
  out.writeUInt32LE(microseconds % TWO_POW_32, offset + 4);
}

/** Blocks and options are aligned to four bytes. */
function padded(byteCount: number): number {
  return (byteCount + 3) & ~3;
}
