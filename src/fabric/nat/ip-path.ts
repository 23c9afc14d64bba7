/**
 * The IP layer below one flow, as its guest sees it: the guest's address and the remote one. Packets are written from
 * the remote to the guest; `reversed` writes the other way, for the packets that ICMP errors quote.
 */
import { formatIpv4, formatIpv6, IPV6_ADDRESS_BYTES, parseIpv4, parseIpv6 } from '../../wire/address.js';
import { foldSum, pseudoHeaderSumIpv4 } from '../../wire/checksum.js';
import { EtherType } from '../../wire/ethernet.js';
import { DEFAULT_TTL, DONT_FRAGMENT, IPV4_HEADER_BYTES } from '../../wire/ipv4.js';
import { IPV6_HEADER_BYTES, writeIpv6Header } from '../../wire/ipv6.js';

export interface IpPath {
  readonly family: 4 | 6;
  readonly etherType: number;
  readonly headerBytes: number;
  readonly guestAddress: string;
  readonly remoteAddress: string;
  /** Partial sum of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1). */
  pseudoHeaderSum(protocol: number, payloadBytes: number): number;
  /** @returns the offset behind the header. */
  writeHeader(bytes: Buffer, offset: number, payloadBytes: number, protocol: number): number;
  /** Fills the words of a flow key: guest address, remote address, ports. */
  fillKey(key: Int32Array, guestPort: number, remotePort: number): void;
  reversed(): IpPath;
}

/** Words of a flow's key: two addresses and both ports. */
export const FLOW_KEY_WORDS = { 4: 3, 6: 9 } as const;

export class Ipv4Path implements IpPath {
  readonly family = 4;
  readonly etherType = EtherType.ipv4;
  readonly headerBytes = IPV4_HEADER_BYTES;
  readonly guest: number;
  readonly remote: number;
  /** Partial sum of the header's words but length and protocol. */
  readonly #headerSum: number;

  /** @param guest u32; so is `remote`. */
  constructor(guest: number, remote: number) {
    this.guest = guest;
    this.remote = remote;
    this.#headerSum = foldSum(
      pseudoHeaderSumIpv4(guest, remote, 0x4500 + DONT_FRAGMENT + (DEFAULT_TTL << 8), 0),
    );
  }

  get guestAddress(): string {
    return formatIpv4(this.guest);
  }

  get remoteAddress(): string {
    return formatIpv4(this.remote);
  }

  pseudoHeaderSum(protocol: number, payloadBytes: number): number {
    return pseudoHeaderSumIpv4(this.remote, this.guest, protocol, payloadBytes);
  }

  /**
   * Never fragmented, so the identification is 0 (RFC 6864 section 4.1) and the checksum depends on the length
   * alone.
   */
  writeHeader(bytes: Buffer, offset: number, payloadBytes: number, protocol: number): number {
    const totalBytes = IPV4_HEADER_BYTES + payloadBytes;
    bytes.writeUInt32BE(0x4500_0000 + totalBytes, offset);
    bytes.writeUInt32BE(DONT_FRAGMENT, offset + 4);
    const sum = foldSum(this.#headerSum + totalBytes + protocol);
    bytes.writeUInt32BE(((DEFAULT_TTL << 24) | (protocol << 16) | (~sum & 0xffff)) >>> 0, offset + 8);
    bytes.writeUInt32BE(this.remote, offset + 12);
    bytes.writeUInt32BE(this.guest, offset + 16);
    return offset + IPV4_HEADER_BYTES;
  }

  fillKey(key: Int32Array, guestPort: number, remotePort: number): void {
    key[0] = this.guest;
    key[1] = this.remote;
    key[2] = (guestPort << 16) | remotePort;
  }

  reversed(): IpPath {
    return new Ipv4Path(this.remote, this.guest);
  }
}

export class Ipv6Path implements IpPath {
  readonly family = 6;
  readonly etherType = EtherType.ipv6;
  readonly headerBytes = IPV6_HEADER_BYTES;
  readonly guest: Uint8Array;
  readonly remote: Uint8Array;
  readonly #addressSum: number;

  /** @param guest 16 bytes that stay as they are; so is `remote`. */
  constructor(guest: Uint8Array, remote: Uint8Array) {
    this.guest = guest;
    this.remote = remote;
    let sum = 0;
    for (let index = 0; index < IPV6_ADDRESS_BYTES; index += 2) {
      sum += (guest[index]! << 8) + guest[index + 1]! + (remote[index]! << 8) + remote[index + 1]!;
    }
    this.#addressSum = foldSum(sum);
  }

  get guestAddress(): string {
    return formatIpv6(this.guest);
  }

  get remoteAddress(): string {
    return formatIpv6(this.remote);
  }

  pseudoHeaderSum(protocol: number, payloadBytes: number): number {
    return this.#addressSum + protocol + foldSum(payloadBytes);
  }

  writeHeader(bytes: Buffer, offset: number, payloadBytes: number, protocol: number): number {
    return writeIpv6Header(bytes, offset, payloadBytes, protocol, this.remote, this.guest);
  }

  fillKey(key: Int32Array, guestPort: number, remotePort: number): void {
    for (let word = 0; word < 4; word++) {
      key[word] = readWord(this.guest, 4 * word);
      key[4 + word] = readWord(this.remote, 4 * word);
    }
    key[8] = (guestPort << 16) | remotePort;
  }

  reversed(): IpPath {
    return new Ipv6Path(this.remote, this.guest);
  }
}

function readWord(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}

/** The path back to the sender of the packet at `ipOffset`; addresses are copied. */
export function pathToSender(bytes: Buffer, ipOffset: number): IpPath {
  if (bytes[ipOffset]! >>> 4 === 4) {
    return new Ipv4Path(bytes.readUInt32BE(ipOffset + 12), bytes.readUInt32BE(ipOffset + 16));
  }
  const copy = (start: number) => Uint8Array.from(bytes.subarray(start, start + IPV6_ADDRESS_BYTES));
  return new Ipv6Path(copy(ipOffset + 8), copy(ipOffset + 24));
}

/** @returns `undefined` when the texts are not two addresses of one family. */
export function pathBetween(guestAddress: string, remoteAddress: string): IpPath | undefined {
  const guest4 = parseIpv4(guestAddress);
  const remote4 = parseIpv4(remoteAddress);
  if (guest4 !== undefined && remote4 !== undefined) return new Ipv4Path(guest4, remote4);
  const guest6 = parseIpv6(guestAddress);
  const remote6 = parseIpv6(remoteAddress);
  if (guest6 !== undefined && remote6 !== undefined) return new Ipv6Path(guest6, remote6);
  return undefined;
}

/** Fills the words of the key of the flow that the packet at `ipOffset` belongs to. */
export function fillKeyOfPacket(
  key: Int32Array,
  bytes: Buffer,
  ipOffset: number,
  transportOffset: number,
): void {
  if (key.length === FLOW_KEY_WORDS[4]) {
    key[0] = bytes.readInt32BE(ipOffset + 12);
    key[1] = bytes.readInt32BE(ipOffset + 16);
    key[2] = bytes.readInt32BE(transportOffset);
    return;
  }
  for (let word = 0; word < 8; word++) key[word] = bytes.readInt32BE(ipOffset + 8 + 4 * word);
  key[8] = bytes.readInt32BE(transportOffset);
}
