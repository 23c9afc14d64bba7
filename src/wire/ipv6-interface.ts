/** Addresses that an IPv6 interface derives from its MAC, and the MACs of multicast groups. */
import { IPV6_ADDRESS_BYTES } from './address.js';

export const ALL_NODES = multicast('ff020000000000000000000000000001');
export const ALL_ROUTERS = multicast('ff020000000000000000000000000002');
export const ALL_DHCP_AGENTS = multicast('ff020000000000000000000000010002');
export const UNSPECIFIED_IPV6: Uint8Array = new Uint8Array(IPV6_ADDRESS_BYTES);

const LINK_LOCAL_PREFIX = Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0]);
const SOLICITED_NODE_PREFIX = multicast('ff0200000000000000000001ff000000');

function multicast(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** Modified EUI-64 interface identifier, 8 bytes (RFC 4291 appendix A). */
export function interfaceIdentifier(mac: number): Uint8Array {
  const octets = Buffer.alloc(6);
  octets.writeUIntBE(mac, 0, 6);
  return Uint8Array.from([
    octets[0]! ^ 0x02,
    octets[1]!,
    octets[2]!,
    0xff,
    0xfe,
    octets[3]!,
    octets[4]!,
    octets[5]!,
  ]);
}

/** The address formed from a /64 prefix and a MAC (RFC 4862 section 5.5.3); 16 bytes. */
export function slaacAddress(prefix: Uint8Array, mac: number): Uint8Array {
  const address = new Uint8Array(IPV6_ADDRESS_BYTES);
  address.set(prefix.subarray(0, 8), 0);
  address.set(interfaceIdentifier(mac), 8);
  return address;
}

/** `fe80::/64` with the EUI-64 identifier (RFC 4862 section 5.3). */
export function linkLocalAddress(mac: number): Uint8Array {
  return slaacAddress(LINK_LOCAL_PREFIX, mac);
}

/** `ff02::1:ffXX:XXXX` of an address (RFC 4291 section 2.7.1). */
export function solicitedNodeMulticast(address: Uint8Array, offset = 0): Uint8Array {
  const group = Uint8Array.from(SOLICITED_NODE_PREFIX);
  group.set(address.subarray(offset + 13, offset + 16), 13);
  return group;
}

/** MAC of an IPv6 multicast group: 33:33 and its last four bytes (RFC 2464 section 7). */
export function ipv6MulticastMac(bytes: Uint8Array, offset = 0): number {
  const low =
    ((bytes[offset + 12]! << 24) |
      (bytes[offset + 13]! << 16) |
      (bytes[offset + 14]! << 8) |
      bytes[offset + 15]!) >>>
    0;
  return 0x3333_0000_0000 + low;
}

/** MAC of an IPv4 multicast group: 01:00:5e and its low 23 bits (RFC 1112 section 6.4). */
export function ipv4MulticastMac(address: number): number {
  return 0x0100_5e00_0000 + (address & 0x7f_ffff);
}
