/** Option codes of DHCPv4 and the values that are more than a number or a text (RFC 2132, 3442, 4702). */
import { decodeDomainNames, encodeDomainName } from './domain-name.js';

export const DhcpOption = {
  subnetMask: 1,
  router: 3,
  domainNameServer: 6,
  hostName: 12,
  domainName: 15,
  interfaceMtu: 26,
  broadcastAddress: 28,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maximumMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientIdentifier: 61,
  /** RFC 4039. */
  rapidCommit: 80,
  /** RFC 4702. */
  clientFqdn: 81,
  /** RFC 3397. */
  domainSearch: 119,
  /** RFC 3442. */
  classlessRoutes: 121,
} as const;

/** One or more addresses, as options 1, 3, 6, 28, 50, 54 carry them. */
export function encodeAddresses(...addresses: readonly number[]): Buffer {
  const bytes = Buffer.alloc(addresses.length * 4);
  for (const [index, address] of addresses.entries()) bytes.writeUInt32BE(address, index * 4);
  return bytes;
}

/** A 32-bit number: an address, or seconds. `undefined` when the option is missing or of another size. */
export function decodeUint32(value: Buffer | undefined): number | undefined {
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}

export function encodeUint32(value: number): Buffer {
  return encodeAddresses(value);
}

export function encodeUint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value, 0);
  return bytes;
}

/** Destination `address/prefixLength`, reached by `router`. */
export interface ClasslessRoute {
  readonly address: number;
  readonly prefixLength: number;
  readonly router: number;
}

/** Option 121: only the octets of the destination that count are written. */
export function encodeClasslessRoutes(routes: readonly ClasslessRoute[]): Buffer {
  const parts = routes.flatMap((route) => [
    Buffer.from([route.prefixLength]),
    encodeAddresses(route.address).subarray(0, Math.ceil(route.prefixLength / 8)),
    encodeAddresses(route.router),
  ]);
  return Buffer.concat(parts);
}

/** @returns `undefined` when the value is no list of routes. */
export function decodeClasslessRoutes(value: Buffer): ClasslessRoute[] | undefined {
  const routes: ClasslessRoute[] = [];
  let offset = 0;
  while (offset < value.length) {
    const prefixLength = value.readUInt8(offset);
    const octets = Math.ceil(prefixLength / 8);
    const end = offset + 1 + octets + 4;
    if (prefixLength > 32 || end > value.length) return undefined;
    const address = Buffer.alloc(4);
    value.copy(address, 0, offset + 1, offset + 1 + octets);
    routes.push({ address: address.readUInt32BE(0), prefixLength, router: value.readUInt32BE(end - 4) });
    offset = end;
  }
  return routes;
}

/** Option 81 (RFC 4702): who updates the DNS, and the client's name. */
export interface ClientFqdn {
  /** S: the server updates the address record. */
  readonly serverUpdates: boolean;
  /** O: the server decided otherwise than the client's S. */
  readonly serverOverrides: boolean;
  /** E: the name is in DNS wire form, not ASCII. */
  readonly wireEncoded: boolean;
  /** N: the server updates nothing. */
  readonly noUpdate: boolean;
  /** Fully qualified or not; may be empty. */
  readonly name: string;
}

/** RCODE1 and RCODE2 are deprecated; a server writes 255 (RFC 4702 section 2.2). */
const DEPRECATED_RCODE = 255;

export function encodeClientFqdn(fqdn: ClientFqdn): Buffer {
  const flags =
    (fqdn.serverUpdates ? 1 : 0) |
    (fqdn.serverOverrides ? 2 : 0) |
    (fqdn.wireEncoded ? 4 : 0) |
    (fqdn.noUpdate ? 8 : 0);
  const name = fqdn.wireEncoded ? encodeDomainName(fqdn.name) : Buffer.from(fqdn.name, 'latin1');
  return Buffer.concat([Buffer.from([flags, DEPRECATED_RCODE, DEPRECATED_RCODE]), name]);
}

/** @returns `undefined` when the value is none, or its name no name. */
export function decodeClientFqdn(value: Buffer): ClientFqdn | undefined {
  if (value.length < 3) return undefined;
  const flags = value.readUInt8(0);
  const wireEncoded = (flags & 4) !== 0;
  const encoded = value.subarray(3);
  // A partial name lacks the final zero label (RFC 4702 section 2.3.1): with one added the first name is ours.
  const name = wireEncoded
    ? decodeDomainNames(Buffer.concat([encoded, Buffer.from([0])]))?.[0]
    : encoded.toString('latin1').replace(/\0+$/, '');
  if (name === undefined) return undefined;
  return {
    serverUpdates: (flags & 1) !== 0,
    serverOverrides: (flags & 2) !== 0,
    wireEncoded,
    noUpdate: (flags & 8) !== 0,
    name,
  };
}
