/** IPv6 fragments put together (RFC 8200 section 4.5, overlap refused by RFC 5722). */
import { type Ipv6Header, type Ipv6Fragment, IPV6_HEADER_BYTES } from './ipv6.js';
import { DEFAULT_REASSEMBLY_LIMITS, FragmentStore, type ReassemblyLimits } from './reassembly.js';

export class Ipv6Reassembler {
  readonly #store: FragmentStore;

  constructor(limits: ReassemblyLimits = DEFAULT_REASSEMBLY_LIMITS) {
    this.#store = new FragmentStore(limits);
  }

  /** Datagrams under assembly and the bytes they hold, for status and tests. */
  get held(): { readonly datagrams: number; readonly bytes: number } {
    return { datagrams: this.#store.datagramCount, bytes: this.#store.heldBytes };
  }

  /**
   * Takes one fragment, whose header was read from `start`.
   * @returns the whole packet without fragment header, in a buffer of its own, once its last missing fragment came.
   */
  add(
    bytes: Buffer,
    start: number,
    header: Ipv6Header,
    fragment: Ipv6Fragment,
    nowMs: number,
  ): Buffer | undefined {
    const addresses = bytes.toString('latin1', header.sourceOffset, header.sourceOffset + 32);
    const unfragmentable = Buffer.from(bytes.subarray(start, fragment.headerOffset));
    unfragmentable[fragment.previousNextHeaderOffset - start] = fragment.nextHeader;
    const whole = this.#store.add(
      {
        key: `${addresses}${fragment.identification}`,
        offsetBytes: fragment.offsetBytes,
        moreFragments: fragment.moreFragments,
        data: bytes.subarray(fragment.headerOffset + 8, header.end),
        header: unfragmentable,
      },
      nowMs,
    );
    if (whole === undefined) return undefined;
    const packet = Buffer.concat([whole.header, whole.payload]);
    const payloadBytes = packet.length - IPV6_HEADER_BYTES;
    if (payloadBytes > 65_535) return undefined;
    packet.writeUInt16BE(payloadBytes, 4);
    return packet;
  }
}
