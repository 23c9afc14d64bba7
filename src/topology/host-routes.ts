import { cidrOf, formatCidr, parseCidr } from '../wire/cidr.js';

/*
 * The host's routes and addresses as the kernel tells them without any tool, and as `ip -j route` does. All of it comes
 * to CIDR texts. Left out are routes that say "everything else" rather than "here is a subnet": the default route, and
 * the halves and eighths that VPNs put over it, which are all wider than /8. Lines of another form are skipped.
 */

const MIN_PREFIX_BITS = 8;
/** Route flags (include/uapi/linux/route.h, ipv6_route.h). */
const RTF_UP = 0x0001;
const RTF_REJECT = 0x0200;

function rows(text: string): string[][] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields.length > 1 ? [fields] : [];
  });
}

function unique(subnets: readonly string[]): string[] {
  return [...new Set(subnets)];
}

/** `/proc/net/route`: addresses are words of the host's byte order in hex; little-endian, as on every CPU with KVM but s390x. */
export function parseIpv4Routes(text: string): string[] {
  const subnets = rows(text).flatMap(([, destination = '', , flags = '', , , , mask = '']) => {
    if (![destination, mask].every((word) => /^[\dA-F]{8}$/i.test(word)) || !isInUse(flags)) return [];
    const prefixLength = prefixLengthOf(wordFromLittleEndian(mask));
    if (prefixLength === undefined || prefixLength < MIN_PREFIX_BITS) return [];
    const value = BigInt(wordFromLittleEndian(destination));
    return [formatCidr(cidrOf({ family: 4, value }, prefixLength))];
  });
  return unique(subnets);
}

/** `/proc/net/ipv6_route`. Link-local and multicast routes are on every interface and say nothing. */
export function parseIpv6Routes(text: string): string[] {
  const subnets = rows(text).flatMap(([destination = '', length = '', , , , , , , flags = '']) =>
    isInUse(flags) ? ipv6Subnet(destination, length) : [],
  );
  return unique(subnets);
}

/** `/proc/net/if_inet6`. */
export function parseIpv6Addresses(text: string): string[] {
  return unique(rows(text).flatMap(([address = '', , length = '']) => ipv6Subnet(address, length)));
}

/** The output of `ip -j route` or `ip -j -6 route`. */
export function parseIpRouteJson(text: string): string[] {
  let routes: unknown;
  try {
    routes = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(routes)) return [];
  const subnets = routes.flatMap((route: unknown) => {
    const destination = typeof route === 'object' && route !== null && 'dst' in route ? route.dst : undefined;
    if (typeof destination !== 'string') return [];
    const whole = destination.includes(':') ? '/128' : '/32';
    const subnet = parseCidr(destination.includes('/') ? destination : destination + whole)?.block;
    if (subnet === undefined || subnet.prefixLength < MIN_PREFIX_BITS || isEverywhere(subnet)) return [];
    return [formatCidr(subnet)];
  });
  return unique(subnets);
}

function isInUse(flags: string): boolean {
  const bits = Number.parseInt(flags, 16);
  return (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0;
}

function wordFromLittleEndian(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE(0);
}

/** @returns undefined when the mask has holes. */
function prefixLengthOf(mask: number): number | undefined {
  const ones = 32 - Math.clz32(~mask >>> 0);
  const prefixLength = 32 - ones;
  return mask === (prefixLength === 0 ? 0 : (0xffff_ffff << ones) >>> 0) ? prefixLength : undefined;
}

function ipv6Subnet(address: string, lengthHex: string): string[] {
  if (!/^[\da-f]{32}$/i.test(address) || !/^[\da-f]{2}$/i.test(lengthHex)) return [];
  const prefixLength = Number.parseInt(lengthHex, 16);
  if (prefixLength < MIN_PREFIX_BITS || prefixLength > 128) return [];
  const subnet = cidrOf({ family: 6, value: BigInt(`0x${address}`) }, prefixLength);
  return isEverywhere(subnet) ? [] : [formatCidr(subnet)];
}

/** Link-local (fe80::/10) and multicast (ff00::/8). */
function isEverywhere({ family, first }: { family: 4 | 6; first: bigint }): boolean {
  return family === 6 && (first >> 118n === 0x3fan || first >> 120n === 0xffn);
}
