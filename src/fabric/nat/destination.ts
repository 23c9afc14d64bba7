/**
 * Where a guest's packet wants to go, and whether it may.
 *
 * A host socket reaches everything the host reaches, so what must stay the host's own is named here: its
 * loopback, its links (169.254/16 also holds the metadata service of clouds, fe80::/10 the neighbours), groups
 * and broadcasts, and the IPv6 forms that carry an IPv4 address past the rules for IPv4.
 */
import { parseIpv4, parseIpv6 } from '../../wire/address.js';
import { ipv4Mask, ipv6PrefixMatches } from '../../wire/cidr.js';
import { parseMac } from '../../wire/ethernet.js';
import { linkLocalAddress } from '../../wire/ipv6-interface.js';
import type { FabricNetwork } from '../control/protocol.js';

/**
 * `remote`: may be dialled. `gateway`: one of the gateway's own addresses. `refused`: to be answered as prohibited.
 * `silent`: a group or broadcast, which is never answered (RFC 1122 section 3.2.2).
 */
export type Destination = 'remote' | 'gateway' | 'refused' | 'silent';

interface Ipv4Rule {
  readonly first: number;
  readonly prefixLength: number;
}

interface Ipv6Rule {
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
}

const REFUSED_IPV4: readonly Ipv4Rule[] = [
  ipv4Rule('0.0.0.0', 8), // this network (RFC 791)
  ipv4Rule('127.0.0.0', 8), // loopback (RFC 1122)
  ipv4Rule('169.254.0.0', 16), // link-local (RFC 3927)
  ipv4Rule('240.0.0.0', 4), // reserved (RFC 1112)
];
const MULTICAST_IPV4 = ipv4Rule('224.0.0.0', 4);
const LIMITED_BROADCAST = 0xffff_ffff;

const REFUSED_IPV6: readonly Ipv6Rule[] = [
  ipv6Rule('::', 96), // unspecified, loopback, IPv4-compatible (RFC 4291)
  ipv6Rule('::ffff:0:0', 96), // IPv4-mapped (RFC 4291)
  ipv6Rule('fe80::', 10), // link-local (RFC 4291)
];
const MULTICAST_IPV6 = ipv6Rule('ff00::', 8);

/** The rules of one network; cheap enough to ask for every datagram. */
export class DestinationRules {
  readonly network: FabricNetwork;
  readonly #gateway4: number | undefined;
  readonly #subnet4: Ipv4Rule | undefined;
  readonly #gateways6: readonly Uint8Array[];
  readonly #subnet6: Ipv6Rule | undefined;

  constructor(network: FabricNetwork) {
    this.network = network;
    const { ipv4, ipv6 } = network;
    this.#gateway4 = ipv4 === undefined ? undefined : parseIpv4(ipv4.gateway);
    this.#subnet4 = ipv4 === undefined ? undefined : ipv4Rule(ipv4.address, ipv4.prefixLength);
    this.#subnet6 = ipv6 === undefined ? undefined : ipv6Rule(ipv6.address, ipv6.prefixLength);
    const gateway6 = ipv6 === undefined ? undefined : parseIpv6(ipv6.gateway);
    const mac = parseMac(network.gatewayMac);
    this.#gateways6 = [gateway6, mac === undefined ? undefined : linkLocalAddress(mac)].filter(
      (address) => address !== undefined,
    );
  }

  /** Of the packet whose IP header stands at `ipOffset`. */
  of(bytes: Buffer, ipOffset: number): Destination {
    return bytes[ipOffset]! >>> 4 === 4
      ? this.ofIpv4(bytes.readUInt32BE(ipOffset + 16))
      : this.ofIpv6(bytes, ipOffset + 24);
  }

  /** @param address u32. */
  ofIpv4(address: number): Destination {
    if (address === this.#gateway4) return 'gateway';
    if (address === LIMITED_BROADCAST || matchesIpv4(MULTICAST_IPV4, address)) return 'silent';
    if (REFUSED_IPV4.some((rule) => matchesIpv4(rule, address))) return 'refused';
    // A neighbour of the guest: nothing that the host's own routes should answer for.
    if (this.#subnet4 !== undefined && matchesIpv4(this.#subnet4, address)) return 'refused';
    return 'remote';
  }

  /** @param offset of the 16 bytes. */
  ofIpv6(bytes: Uint8Array, offset: number): Destination {
    if (this.#gateways6.some((gateway) => ipv6PrefixMatches(bytes, offset, gateway, 128))) return 'gateway';
    if (matchesIpv6(MULTICAST_IPV6, bytes, offset)) return 'silent';
    if (REFUSED_IPV6.some((rule) => matchesIpv6(rule, bytes, offset))) return 'refused';
    if (this.#subnet6 !== undefined && matchesIpv6(this.#subnet6, bytes, offset)) return 'refused';
    return 'remote';
  }
}

function ipv4Rule(text: string, prefixLength: number): Ipv4Rule {
  return { first: parseIpv4(text) ?? 0, prefixLength };
}

function ipv6Rule(text: string, prefixLength: number): Ipv6Rule {
  return { prefix: parseIpv6(text) ?? new Uint8Array(16), prefixLength };
}

function matchesIpv4(rule: Ipv4Rule, address: number): boolean {
  return ((address ^ rule.first) & ipv4Mask(rule.prefixLength)) === 0;
}

function matchesIpv6(rule: Ipv6Rule, bytes: Uint8Array, offset: number): boolean {
  return ipv6PrefixMatches(bytes, offset, rule.prefix, rule.prefixLength);
}
