/** Addresses as map keys without parsing: IPv4 as u32, IPv6 as `ipv6Key`. */
import { ipv6Key, parseIpv4, parseIpv6 } from '../../wire/address.js';

export type AddressKey = number | string;

/** @param text canonical; `undefined` when it is no address. */
export function addressKeyOf(text: string): AddressKey | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return ipv4;
  const ipv6 = parseIpv6(text);
  return ipv6 === undefined ? undefined : ipv6KeyOf(ipv6);
}

export function ipv6KeyOf(address: Uint8Array): string {
  return ipv6Key(Buffer.from(address.buffer, address.byteOffset, address.length), 0);
}
