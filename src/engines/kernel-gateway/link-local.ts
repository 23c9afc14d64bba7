import { formatIpv6, ipv6ToBigInt, parseIpv6 } from '../../wire/address.js';

/** The modified EUI-64 interface identifier of a MAC (RFC 4291 appendix A) below fe80::/64. */
export function linkLocalOf(mac: string): string {
  return slaacAddressOf('fe80::', mac);
}

/** The address that a machine forms in a /64 from its MAC (RFC 4862 section 5.5.3). @param prefix its first address. */
export function slaacAddressOf(prefix: string, mac: string): string {
  const bytes = parseIpv6(prefix);
  const hardware = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  if (bytes === undefined || hardware.length !== 6) throw new Error(`no /64 and MAC: ${prefix} ${mac}`);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = hardware;
  bytes.set([a ^ 0x02, b, c, 0xff, 0xfe, d, e, f], 8);
  return formatIpv6(bytes);
}

/** The address as nftables writes a raw field of 128 bits. */
export function hexOf(ipv6: string): string {
  const bytes = parseIpv6(ipv6);
  if (bytes === undefined) throw new Error(`no IPv6 address: ${ipv6}`);
  return `0x${ipv6ToBigInt(bytes).toString(16)}`;
}
