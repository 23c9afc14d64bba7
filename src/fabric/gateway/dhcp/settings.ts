/** A network's DHCP settings in the form the server works with: numbers, sets, option values ready to send. */
import { parseIpv4 } from '../../../wire/address.js';
import { ipv4Broadcast, ipv4Mask } from '../../../wire/cidr.js';
import {
  DhcpOption,
  encodeAddresses,
  encodeClasslessRoutes,
  encodeUint16,
  encodeUint32,
} from '../../../wire/dhcp-options.js';
import { encodeDomainName } from '../../../wire/domain-name.js';
import { parseMac } from '../../../wire/ethernet.js';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';

/** Dynamic addresses of one network that are ever handed out; a longer range is cut here, so tables stay bounded. */
export const MAX_POOL_ADDRESSES = 65_536;
/** RFC 2131 section 4.4.5. */
const RENEWAL_FRACTION = 0.5;
const REBINDING_FRACTION = 0.875;
/** The largest lease time that is not "for ever" (RFC 2131 section 3.3), seconds. */
const MAX_LEASE_SECONDS = 0xfffffffe;

/** Dynamic addresses: `size` consecutive ones from `first`, without those of `reserved`. */
export interface AddressPool {
  readonly first: number;
  readonly size: number;
  /** Addresses that belong to somebody: machines of the file, the gateway, network and broadcast address. */
  readonly reserved: ReadonlySet<number>;
}

/** The address the file gives a MAC. */
export interface Reservation {
  readonly address: number;
  readonly machine: string;
}

export interface DhcpSettings {
  /** The gateway's address: server identifier, and source of every reply. */
  readonly serverAddress: number;
  /** Network address and mask of the subnet. */
  readonly subnet: number;
  readonly mask: number;
  readonly pool: AddressPool;
  readonly leaseSeconds: number;
  /** By MAC, as 48-bit number. */
  readonly reservations: ReadonlyMap<number, Reservation>;
  /** Domain of the network's names, when it has a name server. */
  readonly domain?: string;
  /** What the network tells every client that asks, by option code, in the order for clients that ask nothing. */
  readonly options: ReadonlyMap<number, Buffer>;
}

/**
 * @param ports the configured ports of this network.
 * @returns `undefined` when the network serves no DHCPv4.
 */
export function dhcpSettingsOf(
  network: FabricNetwork,
  ports: readonly FabricPort[],
): DhcpSettings | undefined {
  const { ipv4, dhcp } = network;
  if (ipv4 === undefined || dhcp === undefined) return undefined;
  const serverAddress = ipv4Number(ipv4.gateway);
  const mask = ipv4Mask(ipv4.prefixLength);
  const subnet = (ipv4Number(ipv4.address) & mask) >>> 0;
  const broadcast = ipv4Broadcast(subnet, ipv4.prefixLength);
  const reservations = reservationsOf(ports);
  const reserved = new Set([serverAddress, ...[...reservations.values()].map(({ address }) => address)]);
  // RFC 3021: a /31 has neither network nor broadcast address, and a /32 has room for nobody.
  if (ipv4.prefixLength < 31) reserved.add(subnet).add(broadcast);
  const first = Math.max(ipv4Number(dhcp.rangeFirst), subnet);
  const last = Math.min(ipv4Number(dhcp.rangeLast), broadcast);
  const leaseSeconds = Math.min(Math.max(1, Math.floor(dhcp.leaseSeconds)), MAX_LEASE_SECONDS);
  return {
    serverAddress,
    subnet,
    mask,
    pool: { first, size: Math.min(Math.max(0, last - first + 1), MAX_POOL_ADDRESSES), reserved },
    leaseSeconds,
    reservations,
    ...(network.dns === undefined ? {} : { domain: network.dns.domain }),
    options: optionsOf(network, serverAddress, mask, broadcast),
  };
}

/** Whether the address may be handed to clients the file does not name. */
export function isPooled(pool: AddressPool, address: number): boolean {
  return address >= pool.first && address < pool.first + pool.size && !pool.reserved.has(address);
}

/** Options 51, 58 and 59 of a lease. */
export function leaseTimes(leaseSeconds: number): ReadonlyMap<number, Buffer> {
  return new Map([
    [DhcpOption.leaseTime, encodeUint32(leaseSeconds)],
    [DhcpOption.renewalTime, encodeUint32(Math.floor(leaseSeconds * RENEWAL_FRACTION))],
    [DhcpOption.rebindingTime, encodeUint32(Math.floor(leaseSeconds * REBINDING_FRACTION))],
  ]);
}

function reservationsOf(ports: readonly FabricPort[]): ReadonlyMap<number, Reservation> {
  const reservations = new Map<number, Reservation>();
  for (const { mac, ipv4, machine } of ports) {
    const macNumber = parseMac(mac);
    if (macNumber === undefined || ipv4 === undefined) continue;
    reservations.set(macNumber, { address: ipv4Number(ipv4), machine });
  }
  return reservations;
}

function optionsOf(
  network: FabricNetwork,
  gateway: number,
  mask: number,
  broadcast: number,
): Map<number, Buffer> {
  const options = new Map<number, Buffer>([[DhcpOption.subnetMask, encodeAddresses(mask)]]);
  // An isolated network leads nowhere, so its machines get no route (3, 121).
  const leadsOut = network.mode !== 'isolated';
  if (leadsOut) options.set(DhcpOption.router, encodeAddresses(gateway));
  if (network.dns !== undefined) {
    options.set(DhcpOption.domainNameServer, encodeAddresses(gateway));
    options.set(DhcpOption.domainName, Buffer.from(network.dns.domain, 'latin1'));
  }
  options.set(DhcpOption.interfaceMtu, encodeUint16(Math.min(network.mtuBytes, 0xffff)));
  options.set(DhcpOption.broadcastAddress, encodeAddresses(broadcast));
  if (network.dns !== undefined) {
    options.set(DhcpOption.domainSearch, encodeDomainName(network.dns.domain));
  }
  if (leadsOut) {
    const defaultRoute = { address: 0, prefixLength: 0, router: gateway };
    options.set(DhcpOption.classlessRoutes, encodeClasslessRoutes([defaultRoute]));
  }
  return options;
}

/** The control protocol carries checked addresses; anything else is a defect of ours. */
function ipv4Number(text: string): number {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an IPv4 address: ${text}`);
  return address;
}
