/** systemd.netdev(5) and systemd.network(5): the bridge, the NIC as its port, and what the host has on it. Pure. */
import type { HostBridge } from '../engines/contract.js';
import type { ConfigurationFile } from './configuration-file.js';
import { blockOf, textOf } from './lines.js';

export function systemdNetworkd(bridge: HostBridge): ConfigurationFile[] {
  const { network, bridge: device, nic, mac, mtuBytes, speaksStp } = bridge;
  const base = `/etc/systemd/network/10-passerelle-${network}`;
  return [
    {
      path: `${base}.netdev`,
      text: textOf([
        '[NetDev]',
        `Name=${device}`,
        'Kind=bridge',
        `MACAddress=${mac}`,
        ...(mtuBytes === 1500 ? [] : [`MTUBytes=${mtuBytes}`]),
        '',
        '[Bridge]',
        `STP=${yesOrNo(speaksStp)}`,
      ]),
    },
    {
      path: `${base}-port.network`,
      text: textOf([
        '[Match]',
        `Name=${nic}`,
        '',
        ...(mtuBytes === 1500 ? [] : ['[Link]', `MTUBytes=${mtuBytes}`, '']),
        '[Network]',
        `Bridge=${device}`,
        'LinkLocalAddressing=no',
        'IPv6AcceptRA=no',
      ]),
    },
    {
      path: `${base}.network`,
      text: textOf([
        '[Match]',
        `Name=${device}`,
        '',
        '[Network]',
        `DHCP=${dhcpOf(bridge)}`,
        `IPv6AcceptRA=${yesOrNo(bridge.ipv6Auto)}`,
        ...bridge.addresses.map((address) => `Address=${address}`),
        ...bridge.resolvers.map((address) => `DNS=${address}`),
        ...(bridge.searchDomains.length > 0 ? [`Domains=${bridge.searchDomains.join(' ')}`] : []),
        ...bridge.routes.flatMap((route) => [
          '',
          '[Route]',
          `Destination=${blockOf(route)}`,
          ...(route.gateway === undefined ? ['Scope=link'] : [`Gateway=${route.gateway}`]),
          ...(route.metric === undefined ? [] : [`Metric=${route.metric}`]),
        ]),
      ]),
    },
  ];
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function dhcpOf({ ipv4Dhcp, ipv6Dhcp }: HostBridge): string {
  if (ipv4Dhcp && ipv6Dhcp) return 'yes';
  if (ipv4Dhcp) return 'ipv4';
  return ipv6Dhcp ? 'ipv6' : 'no';
}
