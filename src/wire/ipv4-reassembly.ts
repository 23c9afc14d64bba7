/** IPv4 fragments put together (RFC 791 section 3.2, RFC 815) and made (RFC 791 section 2.3). */
import { type Ipv4Header, MORE_FRAGMENTS, setIpv4Checksum } from './ipv4.js';
import { DEFAULT_REASSEMBLY_LIMITS, FragmentStore, type ReassemblyLimits } from './reassembly.js';

export class Ipv4Reassembler {
  readonly #store: FragmentStore;

  constructor(limits: ReassemblyLimits = DEFAULT_REASSEMBLY_LIMITS) {
    this.#store = new FragmentStore(limits);
  }

  /** Datagrams under assembly and the bytes they hold, for status and tests. */
  get held(): { readonly datagrams: number; readonly bytes: number } {
    return { datagrams: this.#store.datagramCount, bytes: this.#store.heldBytes };
  }

  /**
   * Takes one fragment (`isFragment(header)`), whose header was read from `start`.
   * @returns the whole packet in a buffer of its own, header mended, once its last missing fragment came.
   */
  add(bytes: Buffer, start: number, header: Ipv4Header, nowMs: number): Buffer | undefined {
    const whole = this.#store.add(
      {
        key: `${header.source} ${header.destination} ${header.protocol} ${header.identification}`,
        offsetBytes: header.fragmentOffsetBytes,
        moreFragments: header.moreFragments,
        data: bytes.subarray(start + header.headerBytes, start + header.totalBytes),
        header: bytes.subarray(start, start + header.headerBytes),
      },
      nowMs,
    );
    if (whole === undefined) return undefined;
    const packet = Buffer.concat([whole.header, whole.payload]);
    if (packet.length > 65_535) return undefined;
    packet.writeUInt16BE(packet.length, 2);
    packet.writeUInt16BE(0, 6);
    setIpv4Checksum(packet, 0);
    return packet;
  }
}

/** One fragment to be: a range of the payload. */
export interface Ipv4FragmentRange {
  readonly payloadOffset: number;
  readonly payloadBytes: number;
}

/** Cuts the payload of a packet so that each fragment fits the MTU; every range but the last is a multiple of 8. */
export function fragmentRanges(header: Ipv4Header, mtuBytes: number): Ipv4FragmentRange[] {
  const payloadBytes = header.totalBytes - header.headerBytes;
  const stepBytes = Math.max(8, (mtuBytes - header.headerBytes) & ~7);
  const ranges: Ipv4FragmentRange[] = [];
  for (let offset = 0; offset < payloadBytes; offset += stepBytes) {
    ranges.push({ payloadOffset: offset, payloadBytes: Math.min(stepBytes, payloadBytes - offset) });
  }
  return ranges;
}

/**
 * Writes one fragment of the packet at `start` of `bytes`; it takes `header.headerBytes + range.payloadBytes`.
 * @returns the offset behind the fragment. Options are repeated in each fragment, which RFC 791 permits for all of them.
 */
export function writeIpv4Fragment(
  target: Buffer,
  offset: number,
  bytes: Buffer,
  start: number,
  header: Ipv4Header,
  range: Ipv4FragmentRange,
): number {
  const { headerBytes } = header;
  bytes.copy(target, offset, start, start + headerBytes);
  const payloadStart = start + headerBytes + range.payloadOffset;
  bytes.copy(target, offset + headerBytes, payloadStart, payloadStart + range.payloadBytes);
  const last = headerBytes + range.payloadOffset + range.payloadBytes === header.totalBytes;
  const more = header.moreFragments || !last ? MORE_FRAGMENTS : 0;
  target.writeUInt16BE(headerBytes + range.payloadBytes, offset + 2);
  target.writeUInt16BE(more | ((header.fragmentOffsetBytes + range.payloadOffset) >>> 3), offset + 6);
  setIpv4Checksum(target, offset);
  return offset + headerBytes + range.payloadBytes;
}
