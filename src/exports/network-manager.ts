/** Connections of NetworkManager in its keyfile format (nm-settings-keyfile(5)): the bridge, and its port. Pure. */
import type { HostBridge } from '../engines/contract.js';
import type { ConfigurationFile } from './configuration-file.js';
import { addressesOf, blockOf, familyOf, routesOf, textOf } from './lines.js';

const DIRECTORY = '/etc/NetworkManager/system-connections';

export function networkManager(bridge: HostBridge): ConfigurationFile[] {
  const { network, bridge: device, nic, mac, mtuBytes, speaksStp } = bridge;
  const id = `passerelle-${network}`;
  const mtu = mtuBytes === 1500 ? [] : ['[ethernet]', `mtu=${mtuBytes}`, ''];
  return [
    {
      path: `${DIRECTORY}/${id}.nmconnection`,
      text: textOf([
        '[connection]',
        `id=${id}`,
        'type=bridge',
        `interface-name=${device}`,
        // The port comes up with the bridge.
        'autoconnect-slaves=1',
        '',
        '[bridge]',
        `mac-address=${mac}`,
        `stp=${speaksStp}`,
        '',
        ...mtu,
        '[ipv4]',
        ...familyLines(bridge, 4),
        '',
        '[ipv6]',
        ...familyLines(bridge, 6),
      ]),
    },
    {
      path: `${DIRECTORY}/${id}-port.nmconnection`,
      text: textOf([
        '[connection]',
        `id=${id}-port`,
        'type=ethernet',
        `interface-name=${nic}`,
        `master=${device}`,
        'slave-type=bridge',
        ...(mtu.length === 0 ? [] : ['', ...mtu.slice(0, -1)]),
      ]),
    },
  ];
}

function familyLines(bridge: HostBridge, family: 4 | 6): string[] {
  const addresses = addressesOf(bridge, family);
  const isAutomatic = family === 4 ? bridge.ipv4Dhcp : bridge.ipv6Auto || bridge.ipv6Dhcp;
  const withoutAddress = family === 4 ? 'disabled' : 'link-local';
  const method = isAutomatic ? 'auto' : addresses.length > 0 ? 'manual' : withoutAddress;
  const resolvers = bridge.resolvers.filter((address) => familyOf(address) === family);
  const isWanted = method !== withoutAddress;
  return [
    `method=${method}`,
    ...addresses.map((address, index) => `address${index + 1}=${address}`),
    ...routesOf(bridge, family).map((route, index) => {
      const words = [
        blockOf(route),
        route.gateway ?? '',
        ...(route.metric === undefined ? [] : [route.metric]),
      ];
      return `route${index + 1}=${words.join(',')}`;
    }),
    ...(isWanted && resolvers.length > 0
      ? [`dns=${resolvers.map((address) => `${address};`).join('')}`]
      : []),
    ...(isWanted && bridge.searchDomains.length > 0
      ? [`dns-search=${bridge.searchDomains.map((domain) => `${domain};`).join('')}`]
      : []),
  ];
}
