/**
 * The gateway's side of a segment's device: its addresses, and what the kernel does with packets that come in by it.
 * The device itself (a bridge, a tap of a switch, an internal port) is made by the engine. Its link-local address is
 * given, not formed, so that it is there at once and nowhere else.
 */
import type { InterfaceAddress } from '../../clients/iproute/links.js';
import { interfaceSetting, type Settings } from '../../clients/sysctl/sysctl.js';
import type { Json, Resource } from '../../plan/resource.js';
import type { Forward, Network } from '../../topology/topology.js';
import { linkLocalOf } from './link-local.js';
import { listensOnLoopback } from './rules/forwards.js';
import type { KernelWork } from './kernel-work.js';

export interface GatewayDevice {
  readonly device: string;
  /** `10.10.10.1/24`, sorted. */
  readonly addresses: readonly string[];
  readonly forwardsIpv4: boolean;
  readonly forwardsIpv6: boolean;
  /** Takes part in connections to and from 127.0.0.1 of the host. */
  readonly reachesLoopback: boolean;
}

export function desiredDevice(network: Network, forwards: readonly Forward[]): GatewayDevice {
  const { ipv4, ipv6 } = network;
  const addresses = [
    ...(ipv4 ? [`${ipv4.gateway}/${ipv4.prefixLength}`] : []),
    ...(ipv6 ? [`${ipv6.gateway}/${ipv6.prefixLength}`, `${linkLocalOf(network.gatewayMac)}/64`] : []),
  ];
  return {
    device: network.interfaceName,
    addresses: addresses.sort(),
    forwardsIpv4: ipv4 !== undefined,
    forwardsIpv6: ipv6 !== undefined,
    reachesLoopback: forwards.some(
      (forward) => forward.network === network.name && listensOnLoopback(forward),
    ),
  };
}

/** Settings whose values {@link observedDevice} reads. */
export function deviceSettingNames(device: string): string[] {
  return [
    interfaceSetting('ipv4', device, 'forwarding'),
    interfaceSetting('ipv4', device, 'route_localnet'),
    interfaceSetting('ipv6', device, 'forwarding'),
    interfaceSetting('ipv6', device, 'force_forwarding'),
  ];
}

export function observedDevice(
  device: string,
  addresses: readonly InterfaceAddress[],
  settings: Settings,
): GatewayDevice {
  const isOn = (family: 'ipv4' | 'ipv6', key: string): boolean =>
    settings.get(interfaceSetting(family, device, key)) === '1';
  const forced = settings.get(interfaceSetting('ipv6', device, 'force_forwarding'));
  return {
    device,
    addresses: addresses
      .filter(({ ifname }) => ifname === device)
      .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
      .sort(),
    forwardsIpv4: isOn('ipv4', 'forwarding'),
    forwardsIpv6: isOn('ipv6', 'forwarding') && (forced === undefined || forced === '1'),
    reachesLoopback: isOn('ipv4', 'route_localnet'),
  };
}

export function deviceProperties(device: GatewayDevice): Record<string, Json> {
  return { ...device };
}

/** @param knowsForceForwarding whether the kernel has the switch per interface. */
export function stageDevice(
  work: KernelWork,
  before: Resource | undefined,
  after: Resource,
  knowsForceForwarding: boolean,
): void {
  // The properties were made by the functions above.
  const standing = before?.properties as unknown as GatewayDevice | undefined;
  const wanted = after.properties as unknown as GatewayDevice;
  const { device } = wanted;
  const set = (family: 'ipv4' | 'ipv6', key: string, isOn: boolean): void =>
    void work.settings.set(interfaceSetting(family, device, key), isOn ? '1' : '0');
  // A new device inherits the host's defaults, whatever they are: everything is said once.
  if (wanted.forwardsIpv4 !== standing?.forwardsIpv4) set('ipv4', 'forwarding', wanted.forwardsIpv4);
  if (wanted.reachesLoopback !== standing?.reachesLoopback) {
    set('ipv4', 'route_localnet', wanted.reachesLoopback);
  }
  if (wanted.forwardsIpv6 !== standing?.forwardsIpv6) {
    set('ipv6', 'forwarding', wanted.forwardsIpv6);
    if (knowsForceForwarding) set('ipv6', 'force_forwarding', wanted.forwardsIpv6);
  }
  work.finalLinkLines.push(...addressLines(device, standing?.addresses ?? [], wanted.addresses));
}

export function addressLines(device: string, before: readonly string[], after: readonly string[]): string[] {
  // `nodad`: the device has no carrier before the first machine comes, and the address is ours by the file.
  const withFlags = (address: string): string =>
    address.includes(':') ? `${address} dev ${device} nodad` : `${address} dev ${device}`;
  return [
    ...before
      .filter((address) => !after.includes(address))
      .map((address) => `address del ${address} dev ${device}`),
    ...after
      .filter((address) => !before.includes(address))
      .map((address) => `address replace ${withFlags(address)}`),
  ];
}
