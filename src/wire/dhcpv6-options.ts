/** Option codes of DHCPv6 and the values that have a structure (RFC 8415 sections 11 and 21, RFC 3646). */
import { IPV6_ADDRESS_BYTES } from './address.js';
import { type Dhcpv6Option, decodeDhcpv6Options, encodeDhcpv6Options } from './dhcpv6.js';
import { HARDWARE_TYPE_ETHERNET } from './dhcp.js';
import { readMac, writeMac } from './ethernet.js';

export const Dhcpv6OptionCode = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaTa: 4,
  iaAddress: 5,
  optionRequest: 6,
  preference: 7,
  statusCode: 13,
  rapidCommit: 14,
  dnsServers: 23,
  domainList: 24,
  iaPd: 25,
  informationRefreshTime: 32,
} as const;

/** RFC 8415 section 21.13. */
export const Dhcpv6Status = {
  success: 0,
  noAddrsAvail: 2,
  noBinding: 3,
  notOnLink: 4,
  noPrefixAvail: 6,
} as const;

/** An identity association for addresses (option 3). Times in seconds; 0 leaves them to the client. */
export interface IaNa {
  readonly iaid: number;
  readonly renewSeconds: number;
  readonly rebindSeconds: number;
  readonly options: readonly Dhcpv6Option[];
}

/** One address of an association (option 5). */
export interface IaAddress {
  /** 16 bytes. */
  readonly address: Uint8Array;
  readonly preferredSeconds: number;
  readonly validSeconds: number;
}

const IA_HEADER_BYTES = 12;
const IA_ADDRESS_BYTES = IPV6_ADDRESS_BYTES + 8;
const DUID_LLT = 1;
const DUID_LL = 3;
const MAC_BYTES = 6;

export function encodeIaNa(ia: IaNa): Dhcpv6Option {
  const header = Buffer.alloc(IA_HEADER_BYTES);
  header.writeUInt32BE(ia.iaid, 0);
  header.writeUInt32BE(ia.renewSeconds, 4);
  header.writeUInt32BE(ia.rebindSeconds, 8);
  return { code: Dhcpv6OptionCode.iaNa, value: Buffer.concat([header, encodeDhcpv6Options(ia.options)]) };
}

/** @returns `undefined` when the value is none. */
export function decodeIaNa(value: Buffer): IaNa | undefined {
  if (value.length < IA_HEADER_BYTES) return undefined;
  const options = decodeDhcpv6Options(value.subarray(IA_HEADER_BYTES));
  if (options === undefined) return undefined;
  return {
    iaid: value.readUInt32BE(0),
    renewSeconds: value.readUInt32BE(4),
    rebindSeconds: value.readUInt32BE(8),
    options,
  };
}

export function encodeIaAddress(ia: IaAddress): Dhcpv6Option {
  const value = Buffer.alloc(IA_ADDRESS_BYTES);
  value.set(ia.address, 0);
  value.writeUInt32BE(ia.preferredSeconds, IPV6_ADDRESS_BYTES);
  value.writeUInt32BE(ia.validSeconds, IPV6_ADDRESS_BYTES + 4);
  return { code: Dhcpv6OptionCode.iaAddress, value };
}

/** Options inside the value (a status a client has no use to send) are not read. */
export function decodeIaAddress(value: Buffer): IaAddress | undefined {
  if (value.length < IA_ADDRESS_BYTES) return undefined;
  return {
    address: Uint8Array.from(value.subarray(0, IPV6_ADDRESS_BYTES)),
    preferredSeconds: value.readUInt32BE(IPV6_ADDRESS_BYTES),
    validSeconds: value.readUInt32BE(IPV6_ADDRESS_BYTES + 4),
  };
}

export function encodeStatus(status: number, text: string): Dhcpv6Option {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(status, 0);
  return { code: Dhcpv6OptionCode.statusCode, value: Buffer.concat([code, Buffer.from(text)]) };
}

/** The status among options; `undefined` when there is none (which means success). */
export function statusOf(options: readonly Dhcpv6Option[]): number | undefined {
  const value = options.find(({ code }) => code === Dhcpv6OptionCode.statusCode)?.value;
  return value === undefined || value.length < 2 ? undefined : value.readUInt16BE(0);
}

/** Codes of an option request (option 6); an odd byte at the end is ignored. */
export function decodeOptionRequest(value: Buffer): number[] {
  return Array.from({ length: value.length >> 1 }, (_, index) => value.readUInt16BE(index * 2));
}

/** The identifier of a host that has no better one than a MAC (DUID-LL, RFC 8415 section 11.4). */
export function duidOfMac(mac: number): Buffer {
  const duid = Buffer.alloc(4 + MAC_BYTES);
  duid.writeUInt16BE(DUID_LL, 0);
  duid.writeUInt16BE(HARDWARE_TYPE_ETHERNET, 2);
  writeMac(duid, 4, mac);
  return duid;
}

/** The MAC that a DUID-LL or DUID-LLT was made from: of one of the host's NICs, not always the one that asks. */
export function macOfDuid(duid: Buffer): number | undefined {
  if (duid.length < 4 || duid.readUInt16BE(2) !== HARDWARE_TYPE_ETHERNET) return undefined;
  const type = duid.readUInt16BE(0);
  const macOffset = type === DUID_LL ? 4 : type === DUID_LLT ? 8 : undefined;
  if (macOffset === undefined || duid.length !== macOffset + MAC_BYTES) return undefined;
  return readMac(duid, macOffset);
}
