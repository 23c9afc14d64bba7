/** Addresses that may not be a source, or never leave their link (RFC 1812 section 5.3.7, RFC 6890, RFC 4291). */

/** 224.0.0.0/4 */
export function isIpv4Multicast(address: number): boolean {
  return address >>> 28 === 0xe;
}

/** 224.0.0.0/4 and 240.0.0.0/4, the limited broadcast included. */
export function isIpv4MulticastOrReserved(address: number): boolean {
  return address >>> 28 >= 0xe;
}

/** 0/8, 127/8, 169.254/16, multicast, 240/4: neither forwarded nor handed to the NAT. */
export function isIpv4Martian(address: number): boolean {
  const firstOctet = address >>> 24;
  return (
    firstOctet === 0 || firstOctet === 127 || address >>> 16 === 0xa9fe || isIpv4MulticastOrReserved(address)
  );
}

export function isIpv6Multicast(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0xff;
}

/** fe80::/10 */
export function isIpv6LinkLocal(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0xfe && (bytes[offset + 1]! & 0xc0) === 0x80;
}

/** :: */
export function isIpv6Unspecified(bytes: Uint8Array, offset: number): boolean {
  return zeroBytes(bytes, offset) === 16;
}

/**
 * ::/8 (unspecified, loopback, IPv4-mapped and the like, but not the translation prefix 64:ff9b::/96), link-local,
 * multicast: neither forwarded nor handed to the NAT.
 */
export function isIpv6Martian(bytes: Uint8Array, offset: number): boolean {
  if (isIpv6Multicast(bytes, offset) || isIpv6LinkLocal(bytes, offset)) return true;
  return bytes[offset] === 0 && bytes[offset + 1] === 0;
}

function zeroBytes(bytes: Uint8Array, offset: number): number {
  let count = 0;
  while (count < 16 && bytes[offset + count] === 0) count++;
  return count;
}
