import type { Address } from '../../wire/address.js';

export type FamilyNumber = Address['family'];
/** What the file calls a family. */
export type FamilyKey = 'ipv4' | 'ipv6';

export const FAMILY_KEYS: readonly FamilyKey[] = ['ipv4', 'ipv6'];

export function familyNumber(key: FamilyKey): FamilyNumber {
  return key === 'ipv4' ? 4 : 6;
}

export function familyKey(family: FamilyNumber): FamilyKey {
  return family === 4 ? 'ipv4' : 'ipv6';
}

/** What people call a family. */
export function familyName(family: FamilyNumber): string {
  return family === 4 ? 'IPv4' : 'IPv6';
}
