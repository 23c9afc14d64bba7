/**
 * Messages of the vhost-user protocol (docs/interop/vhost-user.rst of QEMU): a header of three 32-bit words (request,
 * flags, size of what follows), then the payload; file descriptors come beside it. Little endian, as the machine is.
 */
export const VHOST_HEADER_BYTES = 12;
/** The longest payload that we know: a table of eight regions. */
export const MAX_PAYLOAD_BYTES = 8 + 8 * 32;
export const MAX_REGIONS = 8;

export const VhostRequest = {
  getFeatures: 1,
  setFeatures: 2,
  setOwner: 3,
  resetOwner: 4,
  setMemoryTable: 5,
  setVringSize: 8,
  setVringAddresses: 9,
  setVringBase: 10,
  getVringBase: 11,
  setVringKick: 12,
  setVringCall: 13,
  setVringError: 14,
  getProtocolFeatures: 15,
  setProtocolFeatures: 16,
  getQueueCount: 17,
  setVringEnable: 18,
  setMtu: 20,
} as const;

const VERSION = 1;
const VERSION_MASK = 3;
const REPLY = 1 << 2;
const NEEDS_REPLY = 1 << 3;
/** In SET_VRING_KICK and its like: no descriptor comes along. */
const NO_DESCRIPTOR = 1 << 8;

export interface VhostMessage {
  readonly request: number;
  readonly needsReply: boolean;
  readonly payload: Buffer;
}

/** @returns `undefined` for a header that cannot be one. */
export function readHeader(
  bytes: Buffer,
): { readonly request: number; readonly needsReply: boolean; readonly payloadBytes: number } | undefined {
  const flags = bytes.readUInt32LE(4);
  const payloadBytes = bytes.readUInt32LE(8);
  if ((flags & VERSION_MASK) !== VERSION || payloadBytes > MAX_PAYLOAD_BYTES) return undefined;
  return { request: bytes.readUInt32LE(0), needsReply: (flags & NEEDS_REPLY) !== 0, payloadBytes };
}

export function encodeReply(request: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(VHOST_HEADER_BYTES);
  header.writeUInt32LE(request, 0);
  header.writeUInt32LE(VERSION | REPLY, 4);
  header.writeUInt32LE(payload.length, 8);
  return Buffer.concat([header, payload]);
}

/** A payload of one 64-bit number. @throws RangeError when it is shorter. */
export function readU64(payload: Buffer): bigint {
  return payload.readBigUInt64LE(0);
}

export function encodeU64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** Index of a queue and a number about it. @throws RangeError when it is shorter. */
export interface VringState {
  readonly index: number;
  readonly value: number;
}

export function readVringState(payload: Buffer): VringState {
  return { index: payload.readUInt32LE(0), value: payload.readUInt32LE(4) };
}

export function encodeVringState({ index, value }: VringState): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(index, 0);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}

/** The queue that a descriptor is for. @throws RangeError when it is shorter. */
export function readVringDescriptor(payload: Buffer): {
  readonly index: number;
  readonly hasDescriptor: boolean;
} {
  const value = payload.readUInt32LE(0);
  return { index: value & 0xff, hasDescriptor: (value & NO_DESCRIPTOR) === 0 };
}

export interface VringAddresses {
  readonly index: number;
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
}

/** @throws RangeError when the payload is shorter. */
export function readVringAddresses(payload: Buffer): VringAddresses {
  return {
    index: payload.readUInt32LE(0),
    descriptors: readAddress(payload, 8),
    used: readAddress(payload, 16),
    available: readAddress(payload, 24),
  };
}

export interface MemoryRegion {
  readonly guestAddress: number;
  readonly byteCount: number;
  readonly userAddress: number;
  readonly fileOffset: number;
}

/** @throws RangeError when the payload is shorter than its regions. */
export function readMemoryTable(payload: Buffer): MemoryRegion[] {
  const count = payload.readUInt32LE(0);
  if (count > MAX_REGIONS) throw new RangeError(`${count} regions`);
  return Array.from({ length: count }, (_, index) => {
    const at = 8 + index * 32;
    return {
      guestAddress: readAddress(payload, at),
      byteCount: readAddress(payload, at + 8),
      userAddress: readAddress(payload, at + 16),
      fileOffset: readAddress(payload, at + 24),
    };
  });
}

/** A 64-bit address as a number; user addresses are below 2^47. @throws RangeError beyond what a number holds. */
function readAddress(payload: Buffer, offset: number): number {
  const value = Number(payload.readBigUInt64LE(offset));
  if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`address ${value}`);
  return value;
}
