/** interfaces(5) of Debian's ifupdown; the `bridge_` keys are those of bridge-utils-interfaces(5). Pure. */
import type { HostBridge, HostRoute } from '../engines/contract.js';
import type { ConfigurationFile } from './configuration-file.js';
import { addressesOf, familyOf, routesOf, textOf } from './lines.js';

export function ifupdown(bridge: HostBridge): ConfigurationFile[] {
  const { network, bridge: device, nic } = bridge;
  return [
    {
      path: `/etc/network/interfaces.d/passerelle-${network}`,
      text: textOf([
        `# Wants the package bridge-utils; ${nic} must have no other stanza.`,
        `iface ${nic} inet manual`,
        ...mtuKey(bridge).map((key) => `    ${key}`),
        '',
        `auto ${device}`,
        ...ipv4Stanzas(bridge),
        ...ipv6Stanzas(bridge),
      ]),
    },
  ];
}

/** The first stanza makes the bridge; each further address has one of its own. */
function ipv4Stanzas(bridge: HostBridge): string[] {
  const own = [...bridgeKeys(bridge), ...mtuKey(bridge), ...resolverKeys(bridge)];
  const addresses = addressesOf(bridge, 4);
  const routes = routesOf(bridge, 4);
  if (bridge.ipv4Dhcp) {
    return [
      ...stanza(bridge, 'inet dhcp', [...own, ...routeKeys(routes, bridge)]),
      ...addresses.flatMap((address) => stanza(bridge, 'inet static', [`address ${address}`])),
    ];
  }
  const [first, ...others] = addresses;
  if (first === undefined) return stanza(bridge, 'inet manual', own);
  return [
    ...stanza(bridge, 'inet static', [`address ${first}`, ...own, ...routeKeys(routes, bridge)]),
    ...others.flatMap((address) => stanza(bridge, 'inet static', [`address ${address}`])),
  ];
}

function ipv6Stanzas(bridge: HostBridge): string[] {
  const addresses = addressesOf(bridge, 6);
  const routes = routeKeys(routesOf(bridge, 6), bridge);
  const automatic = bridge.ipv6Auto
    ? stanza(bridge, 'inet6 auto', bridge.ipv6Dhcp ? ['dhcp 1'] : [])
    : bridge.ipv6Dhcp
      ? stanza(bridge, 'inet6 dhcp', [])
      : [];
  const acceptRa = bridge.ipv6Auto ? ['accept_ra 2'] : [];
  return [
    ...automatic,
    ...addresses.flatMap((address, index) =>
      stanza(bridge, 'inet6 static', [`address ${address}`, ...acceptRa, ...(index === 0 ? routes : [])]),
    ),
  ];
}

function stanza({ bridge }: HostBridge, method: string, keys: readonly string[]): string[] {
  return [`iface ${bridge} ${method}`, ...keys.map((key) => `    ${key}`), ''];
}

function bridgeKeys({ nic, mac, speaksStp }: HostBridge): string[] {
  return [
    `bridge_ports ${nic}`,
    `bridge_hw ${mac}`,
    `bridge_stp ${speaksStp ? 'on' : 'off'}`,
    'bridge_maxwait 0',
    ...(speaksStp ? [] : ['bridge_fd 0']),
  ];
}

function mtuKey({ mtuBytes }: HostBridge): string[] {
  return mtuBytes === 1500 ? [] : [`up ip link set dev $IFACE mtu ${mtuBytes}`];
}

/** Read by the hooks of resolvconf. */
function resolverKeys({ resolvers, searchDomains }: HostBridge): string[] {
  return [
    ...(resolvers.length > 0 ? [`dns-nameservers ${resolvers.join(' ')}`] : []),
    ...(searchDomains.length > 0 ? [`dns-search ${searchDomains.join(' ')}`] : []),
  ];
}

/** One gateway is a key of its own; whatever else there is, is typed. */
function routeKeys(routes: readonly HostRoute[], bridge: HostBridge): string[] {
  return routes.map(({ family, destination, gateway, metric }) => {
    const isGateway = destination === 'default' && gateway !== undefined && metric === undefined;
    const isTold = isGateway && hasAddress(bridge, family);
    if (isTold) return `gateway ${gateway}`;
    const words = [
      ...(gateway === undefined ? [] : ['via', gateway]),
      'dev',
      '$IFACE',
      ...(metric === undefined ? [] : ['metric', String(metric)]),
    ];
    return `up ip ${family === 6 ? '-6 ' : ''}route add ${destination} ${words.join(' ')}`;
  });
}

/** Only the method `static` knows the key `gateway`. */
function hasAddress(bridge: HostBridge, family: 4 | 6): boolean {
  if (family === 4 && bridge.ipv4Dhcp) return false;
  return bridge.addresses.some((address) => familyOf(address) === family);
}
