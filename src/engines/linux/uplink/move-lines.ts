/**
 * What moves when a NIC goes into a bridge: the host's addresses and routes, as lines of one `ip -batch`, so that the
 * host is without them for milliseconds. Pure. The link-local address stays on the NIC and the bridge forms the same, since
 * it has the same MAC; routes that the kernel makes come and go with their addresses.
 */
import type { InterfaceAddress } from '../../../clients/iproute/links.js';
import type { DeviceRoute } from '../../../clients/iproute/routes.js';

/** What a device has of the host. */
export interface HostPart {
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly DeviceRoute[];
}

/**
 * Lines that give one device what another had. Its own link-local addresses stay where they are.
 * @param isRenewed whether a DHCP client serves the device too: then leased addresses keep their lifetime.
 */
export function moveLines(from: string, to: string, part: HostPart, isRenewed = false): string[] {
  const moving = part.addresses.filter(({ scope }) => scope !== 'link');
  return [
    // The last first: with the first address of a subnet its others would go.
    ...moving
      .map((address) => `address del ${address.address}/${address.prefixLength} dev ${from}`)
      .reverse(),
    // The route of an advertised prefix may outlive its address or not. A line that fails ends the batch, and a flush takes
    // no IPv6 prefix in one: so it is put there, and then taken away.
    ...part.routes
      .filter(({ family, protocol, destination }) => {
        const isAdvertised = family === 6 && protocol === 'kernel' && !/^f[ef]/.test(destination);
        return isAdvertised && destination.includes('/');
      })
      .flatMap(({ destination, metric = 256 }) => [
        `route replace ${destination} dev ${from} metric ${metric}`,
        `route del ${destination} dev ${from} metric ${metric}`,
      ]),
    ...moving.flatMap((address) => addressLines(address, to, isRenewed)),
    ...apart(part.routes.filter(({ protocol }) => protocol !== 'kernel')).map((route) =>
      routeLine(route, to),
    ),
  ];
}

/**
 * Addresses that the host was lent by DHCP: with a lifetime, and not of a prefix that an advertisement keeps alive. They
 * are kept for as long as the NIC is ours where nobody renews them.
 */
export function leasedAddresses(part: HostPart): string[] {
  return part.addresses.filter(isLeased).map(({ address }) => address);
}

function isLeased({ family, prefixLength, validLifeSeconds }: InterfaceAddress): boolean {
  return validLifeSeconds !== undefined && (family === 4 || prefixLength === 128);
}

/**
 * The LAN knows an IPv6 address as ours already, so it is not probed for a second time; that flag is taken off again
 * where the address did not have it.
 */
function addressLines(address: InterfaceAddress, device: string, isRenewed: boolean): string[] {
  const line = addressLine(address, device, isRenewed);
  if (address.family === 4) return [line];
  return address.flags['nodad'] === true ? [`${line} nodad`] : [`${line} nodad`, line];
}

function addressLine(address: InterfaceAddress, device: string, isRenewed: boolean): string {
  const { flags } = address;
  const isFormed = address.family === 6 && flags['dynamic'] === true && !isLeased(address);
  const lifetime = (name: 'valid' | 'preferred'): string => {
    const told = isLeased(address) && !isRenewed ? FOREVER : flags[`${name}_life_time`];
    // An advertised address without end is not one of the host's own: the next advertisement renews it.
    const seconds = isFormed && told === FOREVER ? FOREVER - 1 : told;
    return typeof seconds === 'number' && seconds < FOREVER ? ` ${name}_lft ${seconds}` : '';
  };
  const broadcast = typeof flags['broadcast'] === 'string' ? ` broadcast ${flags['broadcast']}` : '';
  const managesTemporary = flags['mngtmpaddr'] === true ? ' mngtmpaddr' : '';
  return `address replace ${address.address}/${address.prefixLength}${broadcast} dev ${device}${lifetime('valid')}${lifetime('preferred')}${managesTemporary}`;
}

const FOREVER = 0xffff_ffff;

/**
 * IPv6 routes of one destination and metric would become one with several hops, or replace one another. Those that a
 * router advertised give way: the next advertisement puts them right.
 */
function apart(routes: readonly DeviceRoute[]): DeviceRoute[] {
  const isSame = (a: DeviceRoute, b: DeviceRoute): boolean =>
    a.destination === b.destination && a.metric === b.metric && a.table === b.table;
  const told = routes.filter(({ protocol, family }) => family === 6 && protocol !== 'ra');
  return routes.map((route) =>
    route.family === 6 && route.protocol === 'ra' && told.some((other) => isSame(other, route))
      ? { ...route, metric: (route.metric ?? 1024) + 1 }
      : route,
  );
}

function routeLine(route: DeviceRoute, device: string): string {
  // A batch line cannot say its family by a flag: it shows by an address of it.
  const isIpv6Default = route.family === 6 && route.destination === 'default';
  const words = [
    `route replace ${isIpv6Default ? '::/0' : route.destination}`,
    ...(route.gateway === undefined ? [] : [`via ${route.gateway}`]),
    `dev ${device}`,
    ...(route.table === undefined ? [] : [`table ${route.table}`]),
    ...(route.protocol === undefined ? [] : [`proto ${route.protocol}`]),
    ...(route.scope === undefined ? [] : [`scope ${route.scope}`]),
    ...(route.preferredSource === undefined ? [] : [`src ${route.preferredSource}`]),
    ...(route.metric === undefined ? [] : [`metric ${route.metric}`]),
    ...(route.isOnLink ? ['onlink'] : []),
    ...(route.hopLimit === undefined ? [] : [`hoplimit ${route.hopLimit}`]),
    ...(route.expiresSeconds === undefined ? [] : [`expires ${route.expiresSeconds}`]),
  ];
  return words.join(' ');
}
