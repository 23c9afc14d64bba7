import { type Address, formatAddress } from '../../wire/address.js';
import { type Cidr, lastAddress } from '../../wire/cidr.js';
import type { FamilyNumber } from './families.js';

/** Addresses `first` to `last` of one family, both included. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Every address of a subnet. */
export function wholeRange(subnet: Cidr): AddressRange {
  return { first: subnet.first, last: lastAddress(subnet).value };
}

/**
 * Addresses a host may have: without the first (network; subnet-router anycast, RFC 4291 section 2.6.1) and, for IPv4,
 * the last (broadcast).
 */
export function hostRange(subnet: Cidr): AddressRange {
  const { first, last } = wholeRange(subnet);
  return { first: first + 1n, last: subnet.family === 4 ? last - 1n : last };
}

export function inRange({ first, last }: AddressRange, value: bigint): boolean {
  return value >= first && value <= last;
}

/** `10.10.10.100-10.10.10.199`. */
export function formatRange({ first, last }: AddressRange, family: FamilyNumber): string {
  return `${formatAddress({ family, value: first })}-${formatAddress({ family, value: last })}`;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}
