/** Options of neighbour discovery messages (RFC 4861 section 4.6, RFC 8106). */
import { decodeDomainNames, encodeDomainName } from './domain-name.js';
import { readMac, writeMac } from './ethernet.js';

export const OptionType = {
  sourceLinkLayerAddress: 1,
  targetLinkLayerAddress: 2,
  prefixInformation: 3,
  mtu: 5,
  rdnss: 25,
  dnssl: 31,
} as const;

/** One message carries no more options than this; the rest is ignored. */
const MAX_OPTIONS = 32;

export interface PrefixInformation {
  /** 16 bytes. */
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
  readonly onLink: boolean;
  /** The A flag: hosts may form addresses (SLAAC). */
  readonly autonomous: boolean;
  readonly validLifetimeSeconds: number;
  readonly preferredLifetimeSeconds: number;
}

/** `type` and the bytes [start, end), type and length included. */
export interface Option {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

/** Options of a message; `undefined` when one has length 0 or leaves the message (RFC 4861 section 4.6). */
export function readOptions(bytes: Buffer, start: number, end: number): Option[] | undefined {
  const options: Option[] = [];
  for (let offset = start; offset < end; ) {
    if (end - offset < 8) return undefined;
    const optionBytes = bytes[offset + 1]! * 8;
    if (optionBytes === 0 || offset + optionBytes > end) return undefined;
    if (options.length < MAX_OPTIONS) {
      options.push({ type: bytes[offset]!, start: offset, end: offset + optionBytes });
    }
    offset += optionBytes;
  }
  return options;
}

/** The MAC in the first option of this type. */
export function macOption(bytes: Buffer, options: readonly Option[], type: number): number | undefined {
  const option = options.find((option) => option.type === type);
  return option === undefined ? undefined : readMac(bytes, option.start + 2);
}

/** A copy of the 16 bytes at `offset`. */
export function addressAt(bytes: Buffer, offset: number): Uint8Array {
  return Uint8Array.from(bytes.subarray(offset, offset + 16));
}

/** The option as a list of one; empty when it is another or malformed. */
export function readPrefix(bytes: Buffer, option: Option): PrefixInformation[] {
  const { type, start, end } = option;
  if (type !== OptionType.prefixInformation || end - start !== 32 || bytes[start + 2]! > 128) return [];
  return [
    {
      prefixLength: bytes[start + 2]!,
      onLink: (bytes[start + 3]! & 0x80) !== 0,
      autonomous: (bytes[start + 3]! & 0x40) !== 0,
      validLifetimeSeconds: bytes.readUInt32BE(start + 4),
      preferredLifetimeSeconds: bytes.readUInt32BE(start + 8),
      prefix: addressAt(bytes, start + 16),
    },
  ];
}

export function readRdnss(bytes: Buffer, option: Option): { lifetimeSeconds: number; servers: Uint8Array[] } {
  const servers: Uint8Array[] = [];
  for (let offset = option.start + 8; offset + 16 <= option.end; offset += 16) {
    servers.push(addressAt(bytes, offset));
  }
  return { lifetimeSeconds: bytes.readUInt32BE(option.start + 4), servers };
}

export function readDnssl(bytes: Buffer, option: Option): { lifetimeSeconds: number; domains: string[] } {
  // Zero bytes pad the option; they read as root names (RFC 8106 section 5.2).
  const names = decodeDomainNames(bytes.subarray(option.start + 8, option.end)) ?? [];
  return {
    lifetimeSeconds: bytes.readUInt32BE(option.start + 4),
    domains: names.filter((name) => name !== ''),
  };
}

export function encodeMac(type: number, mac: number): Buffer<ArrayBuffer> {
  const option = Buffer.alloc(8);
  option[0] = type;
  option[1] = 1;
  writeMac(option, 2, mac);
  return option;
}

/** An option with a 32-bit value at offset 4 and data behind it, padded to 8 bytes. */
function encodeValue(type: number, value: number, data: Uint8Array): Buffer<ArrayBuffer> {
  const option = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8);
  option[0] = type;
  option[1] = option.length / 8;
  option.writeUInt32BE(value, 4);
  option.set(data, 8);
  return option;
}

export function encodePrefix(information: PrefixInformation): Buffer<ArrayBuffer> {
  const option = Buffer.alloc(32);
  option[0] = OptionType.prefixInformation;
  option[1] = 4;
  option[2] = information.prefixLength;
  option[3] = (information.onLink ? 0x80 : 0) | (information.autonomous ? 0x40 : 0);
  option.writeUInt32BE(information.validLifetimeSeconds, 4);
  option.writeUInt32BE(information.preferredLifetimeSeconds, 8);
  option.set(information.prefix, 16);
  return option;
}

export function encodeMtu(mtuBytes: number): Buffer<ArrayBuffer> {
  return encodeValue(OptionType.mtu, mtuBytes, new Uint8Array(0));
}

export function encodeRdnss(lifetimeSeconds: number, servers: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  return encodeValue(OptionType.rdnss, lifetimeSeconds, Buffer.concat(servers));
}

/** @throws RangeError for what is no domain name. */
export function encodeDnssl(lifetimeSeconds: number, domains: readonly string[]): Buffer<ArrayBuffer> {
  return encodeValue(OptionType.dnssl, lifetimeSeconds, Buffer.concat(domains.map(encodeDomainName)));
}
