/**
 * struct virtio_net_hdr (virtio 1.2, 5.1.6), which stands before a frame on virtqueues and, in the same form, on TAP
 * devices with IFF_VNET_HDR. It says what the sender left for the receiver to do: put in a checksum, cut into segments.
 * Little endian, as virtio 1 has it and TAP on every machine that Node runs on.
 */
export const VIRTIO_NET_HEADER_BYTES = 12;

export const VirtioNetFlag = { needsChecksum: 1 } as const;

export const GsoType = { none: 0, tcpIpv4: 1, tcpIpv6: 4 } as const;

/** Offsets of the fields. */
export const VirtioNetField = {
  flags: 0,
  gsoType: 1,
  headerBytes: 2,
  gsoSize: 4,
  checksumStart: 6,
  checksumOffset: 8,
  bufferCount: 10,
} as const;

/** What one frame leaves to its receiver. Offsets count from the start of the frame. */
export interface Offload {
  /** Where the checksum begins, and where in that range its field stands, which holds the pseudo-header's sum. */
  checksumStart: number;
  checksumOffset: number;
  /** Payload bytes of each segment to be; 0: the frame is one already. */
  gsoSize: number;
  /** One of `GsoType`. */
  gsoType: number;
  /** Bytes of all headers up to the payload, as the receiver's hint. */
  headerBytes: number;
}

/** Reads the header at `offset`. @returns whether there is anything to be done; then it is in `into`. */
export function readVirtioNetHeader(bytes: Buffer, offset: number, into: Offload): boolean {
  const needsChecksum = (bytes[offset + VirtioNetField.flags]! & VirtioNetFlag.needsChecksum) !== 0;
  into.gsoType = bytes[offset + VirtioNetField.gsoType]!;
  if (!needsChecksum && into.gsoType === GsoType.none) return false;
  into.headerBytes = bytes.readUInt16LE(offset + VirtioNetField.headerBytes);
  into.gsoSize = into.gsoType === GsoType.none ? 0 : bytes.readUInt16LE(offset + VirtioNetField.gsoSize);
  // A segment without a checksum to be put in is refused later: 0 is no place for one.
  into.checksumStart = needsChecksum ? bytes.readUInt16LE(offset + VirtioNetField.checksumStart) : 0;
  into.checksumOffset = needsChecksum ? bytes.readUInt16LE(offset + VirtioNetField.checksumOffset) : 0;
  return true;
}

/** Writes the header at `offset`; `undefined`: nothing is left to do. */
export function writeVirtioNetHeader(bytes: Buffer, offset: number, offload: Offload | undefined): void {
  if (offload === undefined) {
    bytes.fill(0, offset, offset + VirtioNetField.bufferCount);
  } else {
    bytes[offset + VirtioNetField.flags] = VirtioNetFlag.needsChecksum;
    bytes[offset + VirtioNetField.gsoType] = offload.gsoType;
    bytes.writeUInt16LE(offload.headerBytes, offset + VirtioNetField.headerBytes);
    bytes.writeUInt16LE(offload.gsoSize, offset + VirtioNetField.gsoSize);
    bytes.writeUInt16LE(offload.checksumStart, offset + VirtioNetField.checksumStart);
    bytes.writeUInt16LE(offload.checksumOffset, offset + VirtioNetField.checksumOffset);
  }
  bytes.writeUInt16LE(1, offset + VirtioNetField.bufferCount);
}
