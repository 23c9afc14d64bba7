/** What `ip -j route` says of the main table. */
import type { Run } from '../command/run.js';
import { sharedRead } from '../command/shared-read.js';
import { type RawObject, runJson } from './links.js';

export interface Route {
  readonly family: 4 | 6;
  /** `default`, a block, or an address. */
  readonly destination: string;
  readonly device: string;
  readonly gateway?: string;
  readonly protocol?: string;
  readonly scope?: string;
  readonly metric?: number;
  readonly preferredSource?: string;
}

/** Routes of the main table with one next hop, both families. @throws PasserelleError `iproute/refused`. */
export async function readRoutes(run: Run, signal: AbortSignal): Promise<Route[]> {
  return sharedRead(run, signal, 'routes', async () => {
    const [ipv4, ipv6] = await Promise.all([
      runJson(run, ['ip', '-j', '-4', 'route', 'show'], signal),
      runJson(run, ['ip', '-j', '-6', 'route', 'show'], signal),
    ]);
    return [...parseRoutes(ipv4, 4), ...parseRoutes(ipv6, 6)];
  });
}

export function parseRoutes(listing: readonly RawObject[], family: 4 | 6): Route[] {
  return listing.flatMap((raw): Route[] => {
    const destination = raw['dst'];
    const device = raw['dev'];
    if (typeof destination !== 'string' || typeof device !== 'string') return [];
    const { gateway, protocol, scope, metric, prefsrc } = raw;
    return [
      {
        family,
        destination,
        device,
        ...(typeof gateway === 'string' && { gateway }),
        ...(typeof protocol === 'string' && { protocol }),
        ...(typeof scope === 'string' && { scope }),
        ...(typeof metric === 'number' && { metric }),
        ...(typeof prefsrc === 'string' && { preferredSource: prefsrc }),
      },
    ];
  });
}

/** Devices with a default route, the preferred (lowest metric) first, each once. */
export function defaultRouteDevices(routes: readonly Route[], family?: 4 | 6): string[] {
  const defaults = routes
    .filter((route) => route.destination === 'default' && (family === undefined || route.family === family))
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  return [...new Set(defaults.map((route) => route.device))];
}

/** A route of any table that leaves by one device. */
export interface DeviceRoute extends Route {
  /** Name or number; absent: the main table. */
  readonly table?: string;
  readonly isOnLink: boolean;
  readonly expiresSeconds?: number;
  /** Hop limit that a router advertised with it. */
  readonly hopLimit?: number;
}

/** Unicast routes of every table by the device, both families. @throws PasserelleError `iproute/refused`. */
export async function readDeviceRoutes(
  run: Run,
  device: string,
  signal: AbortSignal,
): Promise<DeviceRoute[]> {
  const listings = await Promise.all(
    ([4, 6] as const).map(async (family) => {
      const words = ['ip', '-j', `-${family}`, 'route', 'show', 'table', 'all', 'dev', device];
      return parseDeviceRoutes(await runJson(run, words, signal), family, device);
    }),
  );
  return listings.flat();
}

export function parseDeviceRoutes(
  listing: readonly RawObject[],
  family: 4 | 6,
  device: string,
): DeviceRoute[] {
  return listing.flatMap((raw): DeviceRoute[] => {
    const { type, table, flags, expires } = raw;
    if (type !== undefined && type !== 'unicast') return [];
    const hopLimit = Array.isArray(raw['metrics'])
      ? (raw['metrics'] as readonly RawObject[]).map((metric) => metric['hoplimit']).find(Number.isInteger)
      : undefined;
    const isOnLink = Array.isArray(flags) && flags.includes('onlink');
    return parseRoutes([{ ...raw, dev: device }], family).map((route) => ({
      ...route,
      isOnLink,
      ...(typeof table === 'string' && { table }),
      ...(typeof expires === 'number' && { expiresSeconds: expires }),
      ...(typeof hopLimit === 'number' && { hopLimit }),
    }));
  });
}

/** A route that a program marked as its own by its protocol number. */
export interface MarkedRoute {
  readonly family: 4 | 6;
  /** `unicast`, `unreachable`… */
  readonly type: string;
  readonly destination: string;
  /** Absent on one that leads nowhere. */
  readonly device?: string;
  readonly gateway?: string;
  /** Name or number. */
  readonly table: string;
  readonly isOnLink: boolean;
}

/** Routes of that protocol in every table, both families. @throws PasserelleError `iproute/refused`. */
export async function readMarkedRoutes(
  run: Run,
  protocol: number,
  signal: AbortSignal,
): Promise<MarkedRoute[]> {
  return sharedRead(run, signal, `routes of protocol ${protocol}`, async () => {
    const listings = await Promise.all(
      ([4, 6] as const).map(async (family) => {
        const words = ['ip', '-j', `-${family}`, 'route', 'show', 'table', 'all', 'proto', String(protocol)];
        return parseMarkedRoutes(await runJson(run, words, signal), family);
      }),
    );
    return listings.flat();
  });
}

export function parseMarkedRoutes(listing: readonly RawObject[], family: 4 | 6): MarkedRoute[] {
  return listing.flatMap(({ type, dst, dev, gateway, table, flags }): MarkedRoute[] =>
    typeof dst !== 'string'
      ? []
      : [
          {
            family,
            type: typeof type === 'string' ? type : 'unicast',
            destination: dst,
            table: typeof table === 'string' ? table : 'main',
            isOnLink: Array.isArray(flags) && flags.includes('onlink'),
            ...(typeof dev === 'string' && { device: dev }),
            ...(typeof gateway === 'string' && { gateway }),
          },
        ],
  );
}
