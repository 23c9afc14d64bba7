/** Which network of the project an address is on. The subnets of a project do not overlap, so any match is the match. */
import { ipv6PrefixMatches, ipv4Mask } from '../../wire/cidr.js';
import type { GatewaySettings } from './settings.js';

/** A member of the table. */
export interface Routed {
  readonly settings: GatewaySettings;
}

/** Bits of an IPv6 prefix that the index reads: /64 and longer are found by them. */
const INDEXED_BITS = 64;

export class RouteTable<Member extends Routed> {
  readonly #members = new Set<Member>();
  /** Prefix length -> subnet -> member; one look-up for each length in use. */
  #ipv4 = new Map<number, Map<number, Member>>();
  #ipv6 = new Map<number, Member[]>();
  /** Members whose IPv6 prefix is shorter than the index. */
  #ipv6Short: Member[] = [];

  get members(): ReadonlySet<Member> {
    return this.#members;
  }

  add(member: Member): void {
    this.#members.add(member);
    this.rebuild();
  }

  remove(member: Member): void {
    this.#members.delete(member);
    this.rebuild();
  }

  /** To be called when a member's settings changed. */
  rebuild(): void {
    this.#ipv4 = new Map();
    this.#ipv6 = new Map();
    this.#ipv6Short = [];
    for (const member of this.#members) {
      const { ipv4, ipv6 } = member.settings;
      if (ipv4 !== undefined) {
        const subnets = this.#ipv4.get(ipv4.prefixLength) ?? new Map<number, Member>();
        subnets.set(ipv4.subnet, member);
        this.#ipv4.set(ipv4.prefixLength, subnets);
      }
      if (ipv6 === undefined) continue;
      if (ipv6.prefixLength < INDEXED_BITS) this.#ipv6Short.push(member);
      else {
        const key = indexKey(Buffer.from(ipv6.prefix), 0);
        this.#ipv6.set(key, [...(this.#ipv6.get(key) ?? []), member]);
      }
    }
  }

  lookupIpv4(address: number): Member | undefined {
    for (const [prefixLength, subnets] of this.#ipv4) {
      const member = subnets.get((address & ipv4Mask(prefixLength)) >>> 0);
      if (member !== undefined) return member;
    }
    return undefined;
  }

  /** The 16 bytes at `offset`. */
  lookupIpv6(bytes: Buffer, offset: number): Member | undefined {
    const candidates = this.#ipv6.get(indexKey(bytes, offset)) ?? this.#ipv6Short;
    for (const member of candidates) if (holds(member, bytes, offset)) return member;
    if (candidates === this.#ipv6Short) return undefined;
    return this.#ipv6Short.find((member) => holds(member, bytes, offset));
  }
}

function holds({ settings: { ipv6 } }: Routed, bytes: Buffer, offset: number): boolean {
  return ipv6 !== undefined && ipv6PrefixMatches(bytes, offset, ipv6.prefix, ipv6.prefixLength);
}

/** A hash of the first 64 bits; members that share one are told apart by `holds`. */
function indexKey(bytes: Buffer, offset: number): number {
  return (Math.imul(bytes.readInt32BE(offset), 0x9e37_79b1) ^ bytes.readInt32BE(offset + 4)) | 0;
}
