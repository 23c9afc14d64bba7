/**
 * Ethernet II headers, in place. MACs are 48-bit numbers (exact in a double), so that they compare and key maps
 * without allocation.
 */
export const ETHERNET_HEADER_BYTES = 14;

export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
} as const;

export const BROADCAST_MAC = 0xffff_ffff_ffff;

const TWO_POW_32 = 0x1_0000_0000;
const TWO_POW_40 = 0x100_0000_0000;
const MAC_TEXT = /^[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}$/i;

/** `52:54:00:aa:bb:01` (also with `-`) to a number; `undefined` when it is not a MAC. */
export function parseMac(text: string): number | undefined {
  if (!MAC_TEXT.test(text)) return undefined;
  let mac = 0;
  for (const octet of text.split(/[:-]/)) mac = mac * 256 + Number.parseInt(octet, 16);
  return mac;
}

/** Lower case, colon-separated. */
export function formatMac(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
}

/** The group bit: multicast and broadcast. */
export function isMulticastMac(mac: number): boolean {
  return (Math.floor(mac / TWO_POW_40) & 1) === 1;
}

export function readMac(bytes: Buffer, offset: number): number {
  return bytes.readUInt16BE(offset) * TWO_POW_32 + bytes.readUInt32BE(offset + 2);
}

export function writeMac(bytes: Buffer, offset: number, mac: number): void {
  // Without the remainder of a division, which on doubles is a call and takes longer than all the rest of a frame's header.
  const high = Math.floor(mac / TWO_POW_32);
  bytes.writeUInt16BE(high, offset);
  bytes.writeUInt32BE(mac - high * TWO_POW_32, offset + 2);
}

export interface EthernetHeader {
  readonly destination: number;
  readonly source: number;
  readonly etherType: number;
  readonly payloadOffset: number;
}

/** `undefined` when [start, end) is shorter than a header. */
export function readEthernetHeader(bytes: Buffer, start: number, end: number): EthernetHeader | undefined {
  if (end > bytes.length || end - start < ETHERNET_HEADER_BYTES) return undefined;
  return {
    destination: readMac(bytes, start),
    source: readMac(bytes, start + 6),
    etherType: bytes.readUInt16BE(start + 12),
    payloadOffset: start + ETHERNET_HEADER_BYTES,
  };
}

/** @returns the offset behind the header. */
export function writeEthernetHeader(
  bytes: Buffer,
  offset: number,
  destination: number,
  source: number,
  etherType: number,
): number {
  writeMac(bytes, offset, destination);
  writeMac(bytes, offset + 6, source);
  bytes.writeUInt16BE(etherType, offset + 12);
  return offset + ETHERNET_HEADER_BYTES;
}
