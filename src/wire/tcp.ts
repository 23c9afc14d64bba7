/** TCP headers, options and sequence arithmetic (RFC 9293, 7323, 2018), in place. */
import { checksum } from './checksum.js';

export const TCP_HEADER_BYTES = 20;

export const TcpFlag = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
  urg: 0x20,
  ece: 0x40,
  cwr: 0x80,
} as const;

const OptionKind = {
  end: 0,
  noOperation: 1,
  mss: 2,
  windowScale: 3,
  sackPermitted: 4,
  sack: 5,
  timestamps: 8,
} as const;

/** Larger shifts are read as this (RFC 7323 section 2.3). */
const MAX_WINDOW_SHIFT = 14;

export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** u32 */
  readonly sequence: number;
  /** u32 */
  readonly acknowledgement: number;
  readonly headerBytes: number;
  /** Bits of `TcpFlag`. */
  readonly flags: number;
  /** As sent, not scaled. */
  readonly window: number;
}

export interface TcpOptions {
  readonly mssBytes?: number;
  /** Shift count, 0-14. */
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly timestamps?: { readonly value: number; readonly echoReply: number };
  /** Ranges received out of order, at most 4 (RFC 2018 section 3). */
  readonly sackBlocks?: readonly SackBlock[];
}

/** `left` is the first sequence number of the range, `right` the one behind its last. */
export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

/** @returns `undefined` when the header does not fit in [start, end). The checksum is not looked at. */
export function readTcpHeader(bytes: Buffer, start: number, end: number): TcpHeader | undefined {
  const available = end - start;
  if (end > bytes.length || available < TCP_HEADER_BYTES) return undefined;
  const headerBytes = (bytes[start + 12]! >>> 4) * 4;
  if (headerBytes < TCP_HEADER_BYTES || headerBytes > available) return undefined;
  return {
    sourcePort: bytes.readUInt16BE(start),
    destinationPort: bytes.readUInt16BE(start + 2),
    sequence: bytes.readUInt32BE(start + 4),
    acknowledgement: bytes.readUInt32BE(start + 8),
    headerBytes,
    flags: bytes[start + 13]!,
    window: bytes.readUInt16BE(start + 14),
  };
}

/** Options of the header at `start`, whose length was checked. Malformed options end the list (RFC 9293 MUST-7). */
export function readTcpOptions(bytes: Buffer, start: number, headerBytes: number): TcpOptions {
  const options: { -readonly [Key in keyof TcpOptions]: TcpOptions[Key] } = {};
  const end = start + headerBytes;
  let offset = start + TCP_HEADER_BYTES;
  while (offset < end) {
    const kind = bytes[offset]!;
    if (kind === OptionKind.end) break;
    if (kind === OptionKind.noOperation) {
      offset++;
      continue;
    }
    if (offset + 1 >= end) break;
    const optionBytes = bytes[offset + 1]!;
    if (optionBytes < 2 || offset + optionBytes > end) break;
    if (kind === OptionKind.mss && optionBytes === 4) options.mssBytes = bytes.readUInt16BE(offset + 2);
    else if (kind === OptionKind.windowScale && optionBytes === 3) {
      options.windowScale = Math.min(bytes[offset + 2]!, MAX_WINDOW_SHIFT);
    } else if (kind === OptionKind.sackPermitted && optionBytes === 2) options.sackPermitted = true;
    else if (kind === OptionKind.timestamps && optionBytes === 10) {
      options.timestamps = {
        value: bytes.readUInt32BE(offset + 2),
        echoReply: bytes.readUInt32BE(offset + 6),
      };
    } else if (kind === OptionKind.sack && optionBytes % 8 === 2 && optionBytes > 2) {
      options.sackBlocks = readSackBlocks(bytes, offset + 2, offset + optionBytes);
    }
    offset += optionBytes;
  }
  return options;
}

function readSackBlocks(bytes: Buffer, start: number, end: number): SackBlock[] {
  const blocks: SackBlock[] = [];
  for (let offset = start; offset < end; offset += 8) {
    blocks.push({ left: bytes.readUInt32BE(offset), right: bytes.readUInt32BE(offset + 4) });
  }
  return blocks;
}

/** Bytes that `writeTcpHeader` takes for a header with these options. */
export function tcpHeaderBytes(options?: TcpOptions): number {
  if (options === undefined) return TCP_HEADER_BYTES;
  return (
    TCP_HEADER_BYTES +
    (options.mssBytes === undefined ? 0 : 4) +
    (options.windowScale === undefined ? 0 : 4) +
    (options.sackPermitted === true ? 4 : 0) +
    (options.timestamps === undefined ? 0 : 12) +
    (options.sackBlocks === undefined ? 0 : 4 + 8 * options.sackBlocks.length)
  );
}

/**
 * Writes the header with checksum 0; each option is padded with no-operations to four bytes.
 * @returns the offset behind the header, where the payload goes.
 */
export function writeTcpHeader(
  bytes: Buffer,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgement: number,
  flags: number,
  window: number,
  options?: TcpOptions,
): number {
  bytes.writeUInt16BE(sourcePort, offset);
  bytes.writeUInt16BE(destinationPort, offset + 2);
  bytes.writeUInt32BE(sequence, offset + 4);
  bytes.writeUInt32BE(acknowledgement, offset + 8);
  bytes[offset + 13] = flags;
  bytes.writeUInt16BE(window, offset + 14);
  bytes.writeUInt32BE(0, offset + 16);
  const end =
    options === undefined
      ? offset + TCP_HEADER_BYTES
      : writeOptions(bytes, offset + TCP_HEADER_BYTES, options);
  bytes[offset + 12] = ((end - offset) >>> 2) << 4;
  return end;
}

function writeOptions(bytes: Buffer, start: number, options: TcpOptions): number {
  let offset = start;
  if (options.mssBytes !== undefined) {
    bytes.writeUInt32BE(((OptionKind.mss << 24) | (4 << 16) | options.mssBytes) >>> 0, offset);
    offset += 4;
  }
  if (options.windowScale !== undefined) {
    bytes.writeUInt32BE(
      (OptionKind.noOperation << 24) | (OptionKind.windowScale << 16) | (3 << 8) | options.windowScale,
      offset,
    );
    offset += 4;
  }
  if (options.sackPermitted === true) {
    bytes.writeUInt32BE(
      (OptionKind.noOperation << 24) | (OptionKind.noOperation << 16) | (OptionKind.sackPermitted << 8) | 2,
      offset,
    );
    offset += 4;
  }
  if (options.timestamps !== undefined) {
    bytes.writeUInt32BE(
      (OptionKind.noOperation << 24) | (OptionKind.noOperation << 16) | (OptionKind.timestamps << 8) | 10,
      offset,
    );
    bytes.writeUInt32BE(options.timestamps.value, offset + 4);
    bytes.writeUInt32BE(options.timestamps.echoReply, offset + 8);
    offset += 12;
  }
  if (options.sackBlocks !== undefined) {
    const optionBytes = 2 + 8 * options.sackBlocks.length;
    bytes.writeUInt32BE(
      (OptionKind.noOperation << 24) | (OptionKind.noOperation << 16) | (OptionKind.sack << 8) | optionBytes,
      offset,
    );
    offset += 4;
    for (const { left, right } of options.sackBlocks) {
      bytes.writeUInt32BE(left, offset);
      bytes.writeUInt32BE(right, offset + 4);
      offset += 8;
    }
  }
  return offset;
}

/**
 * Fills in the checksum of the segment whose header is [start, end).
 * @param initialSum partial sum of the pseudo-header and of the payload.
 */
export function setTcpChecksum(bytes: Buffer, start: number, end: number, initialSum: number): void {
  bytes.writeUInt16BE(0, start + 16);
  bytes.writeUInt16BE(checksum(bytes, start, end, initialSum), start + 16);
}

/** `sequence + bytes` modulo 2^32 (RFC 9293 section 3.4). */
export function sequenceAdd(sequence: number, bytes: number): number {
  return (sequence + bytes) >>> 0;
}

/** How far `a` is ahead of `b`, from -2^31 to 2^31 - 1. */
export function sequenceDistance(a: number, b: number): number {
  return (a - b) | 0;
}

export function sequenceBefore(a: number, b: number): boolean {
  return sequenceDistance(a, b) < 0;
}

export function sequenceAfter(a: number, b: number): boolean {
  return sequenceDistance(a, b) > 0;
}
