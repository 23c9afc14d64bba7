/** Reverse names: `in-addr.arpa` (RFC 1035 section 3.5) and `ip6.arpa` (RFC 3596 section 2.5). */
import { ipv6FromBigInt, parseAddress } from '../../../wire/address.js';
import type { Cidr } from '../../../wire/cidr.js';

const IPV4_SUFFIX = 'in-addr.arpa';
const IPV6_SUFFIX = 'ip6.arpa';

/** @param address canonical text of either family. */
export function reverseNameOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new TypeError(`not an IP address: ${address}`);
  if (parsed.family === 4) return `${address.split('.').reverse().join('.')}.${IPV4_SUFFIX}`;
  const nibbles = Buffer.from(ipv6FromBigInt(parsed.value)).toString('hex');
  return `${nibbles.split('').reverse().join('.')}.${IPV6_SUFFIX}`;
}

/**
 * The addresses that a reverse name, whole or cut short, stands for.
 * @param name lower case, without final dot.
 * @returns `undefined` for any other name.
 */
export function reverseBlockOf(name: string): Cidr | undefined {
  if (name.endsWith(`.${IPV4_SUFFIX}`)) {
    const octets = name.slice(0, -IPV4_SUFFIX.length - 1).split('.');
    const areOctets = octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255);
    return areOctets ? blockOfLabels(4, octets.map(Number), 8) : undefined;
  }
  if (name.endsWith(`.${IPV6_SUFFIX}`)) {
    const nibbles = name.slice(0, -IPV6_SUFFIX.length - 1).split('.');
    const areNibbles = nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble));
    const digits = nibbles.map((nibble) => Number.parseInt(nibble, 16));
    return areNibbles ? blockOfLabels(6, digits, 4) : undefined;
  }
  return undefined;
}

/** The name of the zone that a reverse name inside a subnet belongs to: the subnet, at the next label boundary. */
export function reverseZoneOf(name: string, subnet: Cidr): string {
  const labelBits = subnet.family === 4 ? 8 : 4;
  const labels = Math.ceil(subnet.prefixLength / labelBits) + 2;
  return name.split('.').slice(-labels).join('.');
}

/** @param digits least significant first, `bits` each. */
function blockOfLabels(family: 4 | 6, digits: readonly number[], bits: number): Cidr | undefined {
  const addressBits = family === 4 ? 32 : 128;
  const prefixLength = digits.length * bits;
  if (prefixLength > addressBits) return undefined;
  let first = 0n;
  for (const digit of [...digits].reverse()) first = (first << BigInt(bits)) | BigInt(digit);
  return { family, first: first << BigInt(addressBits - prefixLength), prefixLength };
}
