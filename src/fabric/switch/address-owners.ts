/**
 * Who may use which IP address on one network: the answer that the ports' spoof guards share.
 *
 * Assigned addresses (a NIC's own, the gateway's) belong to one holder and to nobody else. Other addresses of the
 * network's prefix, link-local ones and privacy addresses (RFC 8981) among them, belong to the first port that uses
 * them, as in FCFS SAVI (RFC 6620), until it has not used them for 300 s, goes, or claims more than its share. Bounded: a
 * port holds 16 claims, its oldest gives way, and no port can evict another's.
 */
import { ipv4Broadcast, ipv4Mask, ipv6PrefixMatches } from '../../wire/cidr.js';
import { parseIpv4, parseIpv6 } from '../../wire/address.js';

export const MAX_CLAIMS_PER_PORT = 16;
/** Shorter than any lease worth its name, so that an address is free again before DHCP gives it to somebody else. */
export const CLAIM_IDLE_SECONDS = 300;

/** A subnet as the configuration states it; `address` is canonical text. */
export interface Prefix {
  readonly address: string;
  readonly prefixLength: number;
}

/** IPv4 as u32; IPv6 as a string of its eight 16-bit groups. */
export type AddressKey = number | string;

/** Whoever holds addresses: a port's guard, or the gateway. */
export interface AddressHolder {
  /** Oldest first. Written by `AddressOwners` only. */
  readonly claims: AddressKey[];
  /** An address this holder may have remembered as its own is so no longer. */
  onRevoked(): void;
}

interface Claim {
  readonly holder: AddressHolder;
  usedAtSeconds: number;
}

export class AddressOwners {
  readonly #nowSeconds: () => number;
  readonly #assigned = new Map<AddressKey, AddressHolder>();
  readonly #claimed = new Map<AddressKey, Claim>();
  #prefixes = '';
  #ipv4: { first: number; last: number; mask: number } | undefined;
  #ipv6: { prefix: Uint8Array; prefixLength: number } | undefined;

  constructor(nowSeconds: () => number = () => Math.floor(performance.now() / 1000)) {
    this.#nowSeconds = nowSeconds;
  }

  /**
   * Sets the network's prefixes; without one, any unicast address of that family can be claimed.
   * @returns whether they are others than before; then all claims are void.
   */
  setPrefixes(ipv4: Prefix | undefined, ipv6: Prefix | undefined): boolean {
    const prefixes = [ipv4, ipv6]
      .map((prefix) => prefix && `${prefix.address}/${prefix.prefixLength}`)
      .join();
    if (prefixes === this.#prefixes) return false;
    this.#prefixes = prefixes;
    const ipv4Address = ipv4 && parseIpv4(ipv4.address);
    const ipv6Address = ipv6 && parseIpv6(ipv6.address);
    this.#ipv4 =
      ipv4 === undefined || ipv4Address === undefined
        ? undefined
        : {
            first: (ipv4Address & ipv4Mask(ipv4.prefixLength)) >>> 0,
            last: ipv4Broadcast(ipv4Address, ipv4.prefixLength),
            mask: ipv4Mask(ipv4.prefixLength),
          };
    this.#ipv6 =
      ipv6 === undefined || ipv6Address === undefined
        ? undefined
        : { prefix: ipv6Address, prefixLength: ipv6.prefixLength };
    for (const holder of this.#claimants()) this.#releaseClaims(holder);
    return true;
  }

  /** Gives an address to a holder; whoever had claimed it loses it. */
  assign(key: AddressKey, holder: AddressHolder): void {
    const claimant = this.#claimed.get(key)?.holder;
    if (claimant !== undefined && claimant !== holder) this.#releaseClaims(claimant);
    this.#assigned.set(key, holder);
  }

  /** Takes back everything a holder was assigned or has claimed. */
  release(holder: AddressHolder): void {
    for (const [key, owner] of this.#assigned) {
      if (owner === holder) this.#assigned.delete(key);
    }
    this.#releaseClaims(holder);
  }

  /** Frees claims that were not used for a while; call it every now and then. */
  age(): void {
    const before = this.#nowSeconds() - CLAIM_IDLE_SECONDS;
    for (const [key, { holder, usedAtSeconds }] of this.#claimed) {
      if (usedAtSeconds > before) continue;
      this.#claimed.delete(key);
      holder.claims.splice(holder.claims.indexOf(key), 1);
    }
    // Holders remember what they were granted; from here on they ask again, and so show what is in use.
    for (const holder of this.#claimants()) holder.onRevoked();
  }

  mayUseIpv4(address: number, holder: AddressHolder): boolean {
    const verdict = this.#known(address, holder);
    if (verdict !== undefined) return verdict;
    const firstOctet = address >>> 24;
    if (firstOctet === 0 || firstOctet === 127 || firstOctet >= 224) return false;
    const subnet = this.#ipv4;
    if (subnet !== undefined) {
      if ((address & subnet.mask) >>> 0 !== subnet.first) return false;
      // RFC 3021: in a /31 both addresses are hosts; otherwise the first and the last are the subnet's own.
      const hasHostsOnly = subnet.last - subnet.first <= 1;
      if (!hasHostsOnly && (address === subnet.first || address === subnet.last)) return false;
    }
    this.#claim(address, holder);
    return true;
  }

  /** @param view the 16 bytes at `offset` are the address. */
  mayUseIpv6(view: DataView, offset: number, holder: AddressHolder): boolean {
    const key = ipv6KeyAt(view, offset);
    const verdict = this.#known(key, holder);
    if (verdict !== undefined) return verdict;
    if (!this.#isClaimableIpv6(view, offset)) return false;
    this.#claim(key, holder);
    return true;
  }

  /** Whether the address is the holder's, where it has an owner at all. */
  #known(key: AddressKey, holder: AddressHolder): boolean | undefined {
    const owner = this.#assigned.get(key);
    if (owner !== undefined) return owner === holder;
    const claim = this.#claimed.get(key);
    if (claim === undefined) return undefined;
    if (claim.holder !== holder) return false;
    claim.usedAtSeconds = this.#nowSeconds();
    return true;
  }

  #claimants(): Set<AddressHolder> {
    return new Set([...this.#claimed.values()].map(({ holder }) => holder));
  }

  #isClaimableIpv6(view: DataView, offset: number): boolean {
    const group = view.getUint16(offset);
    if ((group & 0xffc0) === 0xfe80) return true;
    const subnet = this.#ipv6;
    // Without a prefix: global unicast and ULA, but not ::/8 (loopback, IPv4-mapped) and not multicast.
    if (subnet === undefined) return group >>> 8 !== 0 && group >>> 8 !== 0xff;
    const address = new Uint8Array(view.buffer, view.byteOffset + offset, 16);
    return ipv6PrefixMatches(address, 0, subnet.prefix, subnet.prefixLength);
  }

  #claim(key: AddressKey, holder: AddressHolder): void {
    if (holder.claims.length >= MAX_CLAIMS_PER_PORT) {
      const oldest = holder.claims.shift();
      if (oldest !== undefined) this.#claimed.delete(oldest);
      holder.onRevoked();
    }
    holder.claims.push(key);
    this.#claimed.set(key, { holder, usedAtSeconds: this.#nowSeconds() });
  }

  #releaseClaims(holder: AddressHolder): void {
    for (const key of holder.claims) this.#claimed.delete(key);
    holder.claims.length = 0;
    holder.onRevoked();
  }
}

export function ipv6KeyAt(view: DataView, offset: number): string {
  return String.fromCharCode(
    view.getUint16(offset),
    view.getUint16(offset + 2),
    view.getUint16(offset + 4),
    view.getUint16(offset + 6),
    view.getUint16(offset + 8),
    view.getUint16(offset + 10),
    view.getUint16(offset + 12),
    view.getUint16(offset + 14),
  );
}

/** The key of 16 bytes. */
export function ipv6KeyOf(address: Uint8Array): string {
  return ipv6KeyAt(new DataView(address.buffer, address.byteOffset, address.byteLength), 0);
}
