/** What may leave one NIC, as elements of the guard's sets. Pure. */
import type { Network, Nic } from '../../topology/topology.js';
import { canonicalElements, type Elements } from '../kernel-gateway/rules/elements.js';
import { hexOf, linkLocalOf, slaacAddressOf } from '../kernel-gateway/link-local.js';

export const GUARD_KIND = 'guard';

export function guardElements(nic: Nic, network: Network): Elements {
  const port = `"${nic.interfaceName}"`;
  const sender = `${port} . ${nic.mac}`;
  const ipv6 = ownIpv6(nic, network);
  const gateways = network.ipv6 === undefined ? [] : [linkLocalOf(network.gatewayMac)];
  return canonicalElements({
    guarded: [port],
    hardware: [sender],
    senders4: nic.ipv4 === undefined ? [] : [`${sender} . ${nic.ipv4}`],
    free4: nic.ipv4 === undefined && lanDecides(network, 'ipv4') ? [port] : [],
    senders6: ipv6.map((address) => `${sender} . ${address}`),
    free6: ipv6.length === 0 && lanDecides(network, 'ipv6') ? [port] : [],
    reserved6: gateways.map((gateway) => `${port} . ${gateway}`),
    target6: ipv6.map((address) => `${port} . ${hexOf(address)}`),
    reserved_target6: gateways.map((gateway) => `${port} . ${hexOf(gateway)}`),
  });
}

/** The address it is given, and the one it forms by itself when it hears the prefix. */
function ownIpv6(nic: Nic, network: Network): string[] {
  const formed = network.ipv6?.prefixLength === 64 ? [slaacAddressOf(network.ipv6.address, nic.mac)] : [];
  return [...new Set([...(nic.ipv6 === undefined ? [] : [nic.ipv6]), ...formed])];
}

/** Where the network has no subnet of ours, its machines have the addresses of the LAN or of their own choice. */
function lanDecides(network: Network, family: 'ipv4' | 'ipv6'): boolean {
  return network[family] === undefined && (network.mode === 'bridge' || network.mode === 'isolated');
}
