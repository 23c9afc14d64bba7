/**
 * IP addresses. In packets and on hot paths IPv4 is a u32 number and IPv6 is 16 bytes at an offset; arithmetic on
 * whole addresses is done on bigint (`cidr.ts`); people and files see canonical text: dotted quad, or RFC 5952.
 */
import ipaddr from 'ipaddr.js';

export const IPV6_ADDRESS_BYTES = 16;

/** An address of either family as an integer of 32 or 128 bits. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** Dotted quad of four decimal parts to u32; `undefined` for anything else (also octal, hex and short forms). */
export function parseIpv4(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  let value = 0;
  for (const part of text.split('.')) {
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** Text without zone to 16 bytes; `undefined` when it is no IPv6 address. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
}

/** RFC 5952 text of the 16 bytes at `offset`. IPv4-mapped addresses keep their dotted tail (section 5). */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  const groups: number[] = [];
  for (let index = 0; index < 8; index++) {
    groups.push((bytes[offset + 2 * index]! << 8) | bytes[offset + 2 * index + 1]!);
  }
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(((groups[6]! << 16) | groups[7]!) >>> 0)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let runStart = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue;
    if (index - runStart > best.length) best = { start: runStart, length: index - runStart };
    runStart = index + 1;
  }
  return best;
}

export function ipv6ToBigInt(bytes: Uint8Array, offset = 0): bigint {
  let value = 0n;
  for (let index = 0; index < IPV6_ADDRESS_BYTES; index++) {
    value = (value << 8n) | BigInt(bytes[offset + index]!);
  }
  return value;
}

export function ipv6FromBigInt(value: bigint): Uint8Array {
  const bytes = new Uint8Array(IPV6_ADDRESS_BYTES);
  for (let index = IPV6_ADDRESS_BYTES - 1, rest = value; index >= 0; index--, rest >>= 8n) {
    bytes[index] = Number(rest & 0xffn);
  }
  return bytes;
}

/** Whether the 16 bytes at both offsets are the same. */
export function ipv6Equals(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset = 0): boolean {
  for (let index = 0; index < IPV6_ADDRESS_BYTES; index++) {
    if (a[aOffset + index] !== b[bOffset + index]) return false;
  }
  return true;
}

/** An 8-character string, one for each group: the cheapest key of a map by IPv6 address. */
export function ipv6Key(bytes: Buffer, offset: number): string {
  return String.fromCharCode(
    bytes.readUInt16BE(offset),
    bytes.readUInt16BE(offset + 2),
    bytes.readUInt16BE(offset + 4),
    bytes.readUInt16BE(offset + 6),
    bytes.readUInt16BE(offset + 8),
    bytes.readUInt16BE(offset + 10),
    bytes.readUInt16BE(offset + 12),
    bytes.readUInt16BE(offset + 14),
  );
}

/** The 16 bytes behind an `ipv6Key`. */
export function ipv6OfKey(key: string): Uint8Array {
  const bytes = new Uint8Array(IPV6_ADDRESS_BYTES);
  for (let group = 0; group < 8; group++) {
    const value = key.charCodeAt(group);
    bytes[2 * group] = value >>> 8;
    bytes[2 * group + 1] = value & 0xff;
  }
  return bytes;
}

/** Either family from text. */
export function parseAddress(text: string): Address | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return { family: 4, value: BigInt(ipv4) };
  const ipv6 = parseIpv6(text);
  return ipv6 === undefined ? undefined : { family: 6, value: ipv6ToBigInt(ipv6) };
}

export function formatAddress(address: Address): string {
  return address.family === 4 ? formatIpv4(Number(address.value)) : formatIpv6(ipv6FromBigInt(address.value));
}
