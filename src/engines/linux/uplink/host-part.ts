/** What the host has on the uplinks of `bridge` networks, as its own configuration would say it. */
import type { Run } from '../../../clients/command/run.js';
import { type InterfaceAddress, readAddresses, readLinks } from '../../../clients/iproute/links.js';
import { type DeviceRoute, readDeviceRoutes, readRoutes } from '../../../clients/iproute/routes.js';
import { readResolverSettings, type ResolverSettings } from '../../../clients/resolver/resolv-conf.js';
import { PasserelleError } from '../../../errors.js';
import type { Network } from '../../../topology/topology.js';
import type { HostBridge } from '../../contract.js';
import { isUplinkMark, markOf } from '../marks.js';
import { speaksStp } from '../options.js';
import { noUplink, resolveUplink } from './uplink-resource.js';

/**
 * Read off the NIC, or off the bridge when that has it already. @param leased addresses of the network that came by
 * DHCP, whatever lifetime they show. @throws PasserelleError `linux/no-uplink`.
 */
export async function readHostBridge(
  run: Run,
  project: string,
  network: Network,
  leased: readonly string[],
  signal: AbortSignal,
): Promise<HostBridge> {
  const links = await readLinks(run, signal);
  const taken = links.find(({ altnames }) => {
    const mark = markOf(project, altnames);
    return mark !== undefined && isUplinkMark(mark) && mark.network === network.name;
  });
  const routes = await readRoutes(run, signal);
  const name = taken?.ifname ?? resolveUplink(network.uplink ?? 'default', routes);
  const nic = links.find(({ ifname }) => ifname === name);
  if (nic?.address === undefined) throw new PasserelleError(noUplink(network.name, network.source), 2);
  const holder = taken === undefined ? nic.ifname : network.interfaceName;
  const [addresses, own, resolver] = await Promise.all([
    readAddresses(run, signal),
    readDeviceRoutes(run, holder, signal),
    readResolverSettings(),
  ]);
  const held = addresses.filter(({ ifname, scope }) => ifname === holder && scope !== 'link');
  return {
    network: network.name,
    bridge: network.interfaceName,
    nic: nic.ifname,
    mac: nic.address,
    mtuBytes: network.mtuBytes,
    speaksStp: speaksStp(network),
    ...configurationOf(held, own, leased, resolver),
  };
}

type Configuration = Omit<HostBridge, 'network' | 'bridge' | 'nic' | 'mac' | 'mtuBytes' | 'speaksStp'>;

/** Tells apart what the LAN gave and what the host was told. Pure. */
export function configurationOf(
  addresses: readonly InterfaceAddress[],
  routes: readonly DeviceRoute[],
  leased: readonly string[],
  resolver: ResolverSettings,
): Configuration {
  const isGiven = ({ address, validLifeSeconds }: InterfaceAddress): boolean =>
    validLifeSeconds !== undefined || leased.includes(address);
  const given = addresses.filter(isGiven);
  const ipv4Dhcp = given.some(({ family }) => family === 4);
  // An address of its own that DHCPv6 gave is one of one; an advertised prefix gives a /64.
  const ipv6Dhcp = given.some(({ family, prefixLength }) => family === 6 && prefixLength === 128);
  const ipv6Auto =
    routes.some(({ family, protocol }) => family === 6 && protocol === 'ra') ||
    given.some(({ family, prefixLength }) => family === 6 && prefixLength !== 128);
  const isToldByLan = ({ family, protocol, destination }: DeviceRoute): boolean =>
    protocol === 'kernel' ||
    protocol === 'ra' ||
    protocol === 'dhcp' ||
    // DHCP's script does not always say whose route it is.
    (family === 4 && ipv4Dhcp && destination === 'default');
  return {
    ipv4Dhcp,
    ipv6Auto,
    ipv6Dhcp,
    addresses: addresses
      .filter((address) => !isGiven(address))
      .map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    routes: routes
      .filter((route) => route.table === undefined && !isToldByLan(route))
      .map(({ family, destination, gateway, metric }) => ({
        family,
        destination,
        ...(gateway !== undefined && { gateway }),
        // 1024 is what the kernel gives every IPv6 route that says nothing.
        ...(metric !== undefined && !(family === 6 && metric === 1024) && { metric }),
      })),
    resolvers: ipv4Dhcp ? [] : resolver.resolvers,
    searchDomains: ipv4Dhcp ? [] : resolver.searchDomains,
  };
}
