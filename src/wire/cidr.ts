/** Arithmetic on CIDR blocks (RFC 4632, RFC 4291 section 2.3) of either family. */
import { type Address, formatAddress, parseAddress } from './address.js';

/** A block: `first` is its network address, `prefixLength` 0-32 or 0-128. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly prefixLength: number;
}

export function addressBits(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** The block around an address; host bits are cleared. */
export function cidrOf(address: Address, prefixLength: number): Cidr {
  const hostBits = BigInt(addressBits(address.family) - prefixLength);
  return { family: address.family, first: (address.value >> hostBits) << hostBits, prefixLength };
}

/**
 * `10.0.0.0/8` or `fd00::/64`; `undefined` when it is neither.
 * @returns the address as written, host bits included, and its block.
 */
export function parseCidr(text: string): { readonly address: Address; readonly block: Cidr } | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  if (address === undefined) return undefined;
  const prefixLength = Number(match?.[2]);
  if (prefixLength > addressBits(address.family)) return undefined;
  return { address, block: cidrOf(address, prefixLength) };
}

export function formatCidr(block: Cidr): string {
  return `${formatAddress(networkAddress(block))}/${block.prefixLength}`;
}

export function networkAddress(block: Cidr): Address {
  return { family: block.family, value: block.first };
}

/** Number of addresses in the block. */
export function cidrSize(block: Cidr): bigint {
  return 1n << BigInt(addressBits(block.family) - block.prefixLength);
}

/** The highest address; of an IPv4 block longer than two addresses, its broadcast address. */
export function lastAddress(block: Cidr): Address {
  return { family: block.family, value: block.first + cidrSize(block) - 1n };
}

export function cidrContains(block: Cidr, address: Address): boolean {
  return (
    block.family === address.family &&
    address.value >= block.first &&
    address.value < block.first + cidrSize(block)
  );
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.first < b.first + cidrSize(b) && b.first < a.first + cidrSize(a);
}

/** `offset` addresses above; may leave the block. */
export function addressAfter(address: Address, offset: bigint): Address {
  return { family: address.family, value: address.value + offset };
}

/** Netmask of a prefix length as u32, for the hot path. */
export function ipv4Mask(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
}

export function ipv4Broadcast(address: number, prefixLength: number): number {
  return (address | ~ipv4Mask(prefixLength)) >>> 0;
}

/** Whether the first `prefixLength` bits of the addresses at both offsets agree. */
export function ipv6PrefixMatches(
  bytes: Uint8Array,
  offset: number,
  prefix: Uint8Array,
  prefixLength: number,
): boolean {
  const wholeBytes = prefixLength >>> 3;
  for (let index = 0; index < wholeBytes; index++) {
    if (bytes[offset + index] !== prefix[index]) return false;
  }
  const restBits = prefixLength & 7;
  if (restBits === 0) return true;
  return ((bytes[offset + wholeBytes]! ^ prefix[wholeBytes]!) & (0xff00 >>> restBits) & 0xff) === 0;
}
