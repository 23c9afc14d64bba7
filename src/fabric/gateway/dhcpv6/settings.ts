/** A network's DHCPv6 settings in the form the server works with: bytes, maps, option values ready to send. */
import { parseIpv6 } from '../../../wire/address.js';
import { Dhcpv6OptionCode, duidOfMac } from '../../../wire/dhcpv6-options.js';
import { encodeUint32 } from '../../../wire/dhcp-options.js';
import { encodeDomainName } from '../../../wire/domain-name.js';
import { parseMac } from '../../../wire/ethernet.js';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';

/** On a network without DHCPv4 settings, seconds. */
const DEFAULT_LEASE_SECONDS = 3600;
/** 0xffffffff would mean "for ever" (RFC 8415 section 7.7). */
const MAX_LEASE_SECONDS = 0xfffffffe;
/** IRT_MINIMUM, RFC 8415 section 7.6, seconds. */
const MIN_REFRESH_SECONDS = 600;

export interface Dhcpv6Settings {
  /** DUID of the server, from the gateway's MAC. */
  readonly serverId: Buffer;
  /** 16 bytes, of which `prefixLength` bits count. */
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
  readonly leaseSeconds: number;
  /** The address the file gives a MAC; 16 bytes by 48-bit number. */
  readonly reservations: ReadonlyMap<number, Uint8Array>;
  /** What the network tells clients that ask, by option code. */
  readonly options: ReadonlyMap<number, Buffer>;
}

/**
 * Whether the network has a DHCPv6 server: with IPv6, unless its DHCP is off. What is off is seen by `dhcp`, which
 * needs IPv4; a network of IPv6 only is served always.
 */
export function servesDhcpv6(network: FabricNetwork): boolean {
  return network.ipv6 !== undefined && (network.dhcp !== undefined || network.ipv4 === undefined);
}

/**
 * @param ports the configured ports of this network.
 * @returns `undefined` when the network serves no DHCPv6.
 */
export function dhcpv6SettingsOf(
  network: FabricNetwork,
  ports: readonly FabricPort[],
): Dhcpv6Settings | undefined {
  const { ipv6, dhcp, dns } = network;
  if (ipv6 === undefined || !servesDhcpv6(network)) return undefined;
  const reservations = new Map<number, Uint8Array>();
  for (const port of ports) {
    const mac = parseMac(port.mac);
    if (mac !== undefined && port.ipv6 !== undefined) reservations.set(mac, ipv6Bytes(port.ipv6));
  }
  const wishedSeconds = Math.floor(dhcp?.leaseSeconds ?? DEFAULT_LEASE_SECONDS);
  const leaseSeconds = Math.min(Math.max(1, wishedSeconds), MAX_LEASE_SECONDS);
  const options = new Map<number, Buffer>();
  if (dns !== undefined) {
    options.set(Dhcpv6OptionCode.dnsServers, Buffer.from(ipv6Bytes(ipv6.gateway)));
    options.set(Dhcpv6OptionCode.domainList, encodeDomainName(dns.domain));
  }
  const refreshSeconds = Math.max(MIN_REFRESH_SECONDS, leaseSeconds);
  options.set(Dhcpv6OptionCode.informationRefreshTime, encodeUint32(refreshSeconds));
  return {
    serverId: duidOfMac(macNumber(network.gatewayMac)),
    prefix: ipv6Bytes(ipv6.address),
    prefixLength: ipv6.prefixLength,
    leaseSeconds,
    reservations,
    options,
  };
}

/** The control protocol carries checked addresses; anything else is a defect of ours. */
function ipv6Bytes(text: string): Uint8Array {
  const bytes = parseIpv6(text);
  if (bytes === undefined) throw new TypeError(`not an IPv6 address: ${text}`);
  return bytes;
}

function macNumber(text: string): number {
  const mac = parseMac(text);
  if (mac === undefined) throw new TypeError(`not a MAC: ${text}`);
  return mac;
}
