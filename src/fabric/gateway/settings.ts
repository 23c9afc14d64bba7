/** A network's settings in the form that packets are compared with: numbers and bytes. */
import { ipv6Equals, parseIpv4, parseIpv6 } from '../../wire/address.js';
import { ipv4Broadcast, ipv4Mask } from '../../wire/cidr.js';
import { parseMac } from '../../wire/ethernet.js';
import { linkLocalAddress, slaacAddress } from '../../wire/ipv6-interface.js';
import type { FabricNetwork, FabricPort, FabricSubnet } from '../control/protocol.js';

export interface Ipv4Settings {
  /** The gateway's own address. */
  readonly address: number;
  readonly subnet: number;
  readonly mask: number;
  readonly prefixLength: number;
  readonly broadcast: number;
}

export interface Ipv6Settings {
  /** The gateway's own global (or unique local) address; 16 bytes. */
  readonly address: Uint8Array;
  readonly linkLocal: Uint8Array;
  /** 16 bytes, of which `prefixLength` bits count. */
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
}

export interface GatewaySettings {
  readonly network: FabricNetwork;
  readonly mac: number;
  /** False on `isolated` networks: nothing is routed, nothing reaches the NAT. */
  readonly leadsOut: boolean;
  /** Absent too on an isolated network on which the gateway has nothing to serve. */
  readonly ipv4?: Ipv4Settings;
  readonly ipv6?: Ipv6Settings;
  /** Machines have IPv6 addresses that they cannot form from prefix and MAC: DHCPv6 must tell them. */
  readonly assignsIpv6: boolean;
}

/**
 * @param ports the configured ports of this network.
 * @throws TypeError for addresses the control protocol should have refused: a defect of ours.
 */
export function settingsOf(network: FabricNetwork, ports: readonly FabricPort[]): GatewaySettings {
  const mac = parseMac(network.gatewayMac);
  if (mac === undefined) throw new TypeError(`not a MAC: ${network.gatewayMac}`);
  const leadsOut = network.mode !== 'isolated';
  const serves = leadsOut || network.dhcp !== undefined || network.dns !== undefined;
  const ipv6 = network.ipv6 === undefined ? undefined : ipv6SettingsOf(network.ipv6, mac);
  return {
    network,
    mac,
    leadsOut,
    ...(network.ipv4 === undefined || !serves ? {} : { ipv4: ipv4SettingsOf(network.ipv4) }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    assignsIpv6: ipv6 !== undefined && ports.some((port) => !formsItsAddress(port, ipv6)),
  };
}

/** SLAAC with EUI-64 gives the port the address that the file has for it, or the file has none. */
function formsItsAddress(port: FabricPort, { prefix, prefixLength }: Ipv6Settings): boolean {
  if (port.ipv6 === undefined) return true;
  const mac = parseMac(port.mac);
  const address = parseIpv6(port.ipv6);
  if (mac === undefined || address === undefined || prefixLength !== 64) return false;
  return ipv6Equals(address, 0, slaacAddress(prefix, mac));
}

function ipv4SettingsOf(subnet: FabricSubnet): Ipv4Settings {
  const address = parseIpv4(subnet.gateway);
  if (address === undefined) throw new TypeError(`not an IPv4 address: ${subnet.gateway}`);
  const { prefixLength } = subnet;
  const mask = ipv4Mask(prefixLength);
  const broadcast = ipv4Broadcast(address, prefixLength);
  return { address, subnet: (address & mask) >>> 0, mask, prefixLength, broadcast };
}

function ipv6SettingsOf(subnet: FabricSubnet, mac: number): Ipv6Settings {
  const address = parseIpv6(subnet.gateway);
  const prefix = parseIpv6(subnet.address);
  if (address === undefined || prefix === undefined) {
    throw new TypeError(`not an IPv6 subnet: ${subnet.address} ${subnet.gateway}`);
  }
  return { address, linkLocal: linkLocalAddress(mac), prefix, prefixLength: subnet.prefixLength };
}

/** Whether the address belongs to the network's own subnet. */
export function isOnLink(ipv4: Ipv4Settings, address: number): boolean {
  return (address & ipv4.mask) >>> 0 === ipv4.subnet;
}
