/** Addresses of the outside that the file gives to NICs, and to forwards. Pure. */
import type { FamilyNumber } from './address/families.js';

interface WithOptions {
  readonly options: Readonly<Record<string, unknown>>;
}

/** Addresses are canonical text. */
export interface PublicAddress {
  /** The key of the file that gives it. */
  readonly key: 'public-ipv4' | 'public-ipv6' | 'service-addresses';
  readonly family: FamilyNumber;
  readonly address: string;
}

/** What the outside knows a NIC by. */
export function publicAddressesOf({ options }: WithOptions): PublicAddress[] {
  return (['public-ipv4', 'public-ipv6'] as const).flatMap((key) => given(key, options[key]));
}

/** What forwards to a network listen on beside the addresses of the host. */
export function serviceAddressesOf({ options }: WithOptions): PublicAddress[] {
  const addresses = options['service-addresses'];
  return Array.isArray(addresses) ? addresses.flatMap((each) => given('service-addresses', each)) : [];
}

function given(key: PublicAddress['key'], address: unknown): PublicAddress[] {
  return typeof address === 'string' ? [{ key, family: address.includes(':') ? 6 : 4, address }] : [];
}
