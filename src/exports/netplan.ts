/** netplan(5), for either of its renderers. Pure. */
import { stringify } from 'yaml';
import type { HostBridge } from '../engines/contract.js';
import type { ConfigurationFile } from './configuration-file.js';

export function netplan(bridge: HostBridge): ConfigurationFile[] {
  const { network, bridge: device, nic, mac, mtuBytes, speaksStp } = bridge;
  const { addresses, routes, resolvers, searchDomains } = bridge;
  const mtu = mtuBytes === 1500 ? {} : { mtu: mtuBytes };
  const nameservers = {
    ...(resolvers.length > 0 && { addresses: resolvers }),
    ...(searchDomains.length > 0 && { search: searchDomains }),
  };
  const document = {
    network: {
      version: 2,
      ethernets: { [nic]: { dhcp4: false, dhcp6: false, 'accept-ra': false, 'link-local': [], ...mtu } },
      bridges: {
        [device]: {
          interfaces: [nic],
          macaddress: mac,
          ...mtu,
          // Without the protocol a port forwards at once, whatever the delay says.
          parameters: { stp: speaksStp },
          dhcp4: bridge.ipv4Dhcp,
          dhcp6: bridge.ipv6Dhcp,
          'accept-ra': bridge.ipv6Auto,
          ...(addresses.length > 0 && { addresses }),
          ...(routes.length > 0 && {
            routes: routes.map(({ family, destination, gateway, metric }) => ({
              to: destination === 'default' ? (family === 4 ? '0.0.0.0/0' : '::/0') : destination,
              ...(gateway === undefined ? { scope: 'link' } : { via: gateway }),
              ...(metric !== undefined && { metric }),
            })),
          }),
          ...(Object.keys(nameservers).length > 0 && { nameservers }),
        },
      },
    },
  };
  const head = `# Files of netplan add up: take the addresses of ${nic} out of the others.\n`;
  return [{ path: `/etc/netplan/90-passerelle-${network}.yaml`, text: head + stringify(document) }];
}
