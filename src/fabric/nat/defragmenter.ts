/**
 * Whole packets out of fragments (RFC 791, RFC 8200 section 4.5): a host socket sends only whole ones. Bounds
 * and age: `wire/reassembly.ts`.
 */
import { readIpv4Header } from '../../wire/ipv4.js';
import { Ipv4Reassembler } from '../../wire/ipv4-reassembly.js';
import type { Ipv6Header } from '../../wire/ipv6.js';
import { Ipv6Reassembler } from '../../wire/ipv6-reassembly.js';

/** More-fragments flag and fragment offset of an IPv4 header. */
const IPV4_FRAGMENT_BITS = 0x3fff;

export class Defragmenter {
  readonly #ipv4 = new Ipv4Reassembler();
  readonly #ipv6 = new Ipv6Reassembler();

  /** @returns the whole packet once the last missing fragment [start, end) came. */
  addIpv4(bytes: Buffer, start: number, end: number, nowMs: number): Buffer | undefined {
    const header = readIpv4Header(bytes, start, end);
    return header && this.#ipv4.add(bytes, start, header, nowMs);
  }

  /** @returns the whole packet, without its fragment header. */
  addIpv6(bytes: Buffer, start: number, header: Ipv6Header, nowMs: number): Buffer | undefined {
    return header.fragment && this.#ipv6.add(bytes, start, header, header.fragment, nowMs);
  }
}

/** Whether the IPv4 packet at `start` is a fragment. */
export function isIpv4Fragment(bytes: Buffer, start: number): boolean {
  return (bytes.readUInt16BE(start + 6) & IPV4_FRAGMENT_BITS) !== 0;
}
