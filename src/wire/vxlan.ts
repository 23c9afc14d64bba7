/** The VXLAN header (RFC 7348 section 5), in place: flags, a 24-bit network identifier, then the Ethernet frame. */
export const VXLAN_HEADER_BYTES = 8;
export const VXLAN_PORT = 4789;
/** Of the identifier. */
export const MAX_VNI = 0xff_ffff;

/** The I flag: the identifier is valid. All other bits are sent as 0 and ignored on receipt. */
const VALID_VNI = 0x08;

export function writeVxlanHeader(bytes: Buffer, offset: number, vni: number): number {
  bytes.writeUInt32BE(VALID_VNI * 0x100_0000, offset);
  bytes.writeUInt32BE(vni * 0x100, offset + 4);
  return offset + VXLAN_HEADER_BYTES;
}

/** @returns `undefined` when there is no header, or one without a valid identifier. */
export function readVni(bytes: Buffer, start: number, end: number): number | undefined {
  if (end - start < VXLAN_HEADER_BYTES || (bytes[start]! & VALID_VNI) === 0) return undefined;
  return bytes.readUIntBE(start + 4, 3);
}
