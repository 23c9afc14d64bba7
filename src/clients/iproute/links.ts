/** What `ip -j -d address` says of links and of their addresses, reduced to what is read of it. Field names are iproute2's own. */
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';
import { sharedRead } from '../command/shared-read.js';

export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  /** MAC address. */
  readonly address?: string;
  readonly operstate: string;
  /** Name of the bridge it is a port of. */
  readonly master?: string;
  /** The device below it (macvtap, VLAN) or the peer of a veth in the same namespace. */
  readonly link?: string;
  /** Number or name of the interface group. */
  readonly group: string;
  readonly ifalias?: string;
  readonly altnames: readonly string[];
  /** Driver: `bridge`, `tun`, `veth`, `macvtap`, `bond`… Absent on hardware. */
  readonly kind?: string;
  /** What the driver says of itself; keys are iproute2's. */
  readonly info: Readonly<Record<string, unknown>>;
  /** What it is a port of: `bridge`, `bond`… */
  readonly portKind?: string;
  /** The peer's namespace, when it is in another one. */
  readonly peerNamespaceId?: number;
  /** Number of the other end of a veth, in the namespace where that is. */
  readonly peerIndex?: number;
}

export interface InterfaceAddress {
  readonly ifname: string;
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: string;
  readonly flags: Readonly<Record<string, unknown>>;
  /** Seconds left; absent: for ever. */
  readonly validLifeSeconds?: number;
}

/** Every link of the namespace, with driver details. @throws PasserelleError `iproute/refused`. */
export async function readLinks(run: Run, signal: AbortSignal): Promise<Link[]> {
  return sharedRead(run, signal, 'links', async () => parseLinks(await readInterfaces(run, signal)));
}

/** Every address of the namespace. @throws PasserelleError `iproute/refused`. */
export async function readAddresses(run: Run, signal: AbortSignal): Promise<InterfaceAddress[]> {
  return sharedRead(run, signal, 'addresses', async () => parseAddresses(await readInterfaces(run, signal)));
}

/** One program tells of both, in the time that it takes for the links alone. */
function readInterfaces(run: Run, signal: AbortSignal): Promise<RawObject[]> {
  return sharedRead(run, signal, 'interfaces', () =>
    runJson(run, ['ip', '-j', '-d', 'address', 'show'], signal),
  );
}

export function parseLinks(listing: readonly RawObject[]): Link[] {
  return listing.filter(hasName).map((raw): Link => {
    const linkinfo = objectOf(raw['linkinfo']);
    return {
      ifindex: Number(raw['ifindex']),
      ifname: raw.ifname,
      flags: textsOf(raw['flags']),
      mtu: Number(raw['mtu']),
      operstate: textOf(raw['operstate']) ?? 'UNKNOWN',
      group: textOf(raw['group']) ?? 'default',
      altnames: textsOf(raw['altnames']),
      info: objectOf(linkinfo['info_data']),
      ...optional('address', textOf(raw['address'])),
      ...optional('master', textOf(raw['master'])),
      ...optional('link', textOf(raw['link'])),
      ...optional('ifalias', textOf(raw['ifalias'])),
      ...optional('kind', textOf(linkinfo['info_kind'])),
      ...optional('portKind', textOf(linkinfo['info_slave_kind'])),
      ...(typeof raw['link_netnsid'] === 'number' && { peerNamespaceId: raw['link_netnsid'] }),
      ...(typeof raw['link_index'] === 'number' && { peerIndex: raw['link_index'] }),
    };
  });
}

export function parseAddresses(listing: readonly RawObject[]): InterfaceAddress[] {
  return listing.filter(hasName).flatMap((raw) =>
    objectsOf(raw['addr_info']).flatMap((info): InterfaceAddress[] => {
      const address = textOf(info['local']);
      if (address === undefined) return [];
      const validLife = Number(info['valid_life_time'] ?? FOREVER);
      return [
        {
          ifname: raw.ifname,
          family: info['family'] === 'inet6' ? 6 : 4,
          address,
          prefixLength: Number(info['prefixlen']),
          scope: textOf(info['scope']) ?? 'global',
          flags: info,
          ...(validLife !== FOREVER && { validLifeSeconds: validLife }),
        },
      ];
    }),
  );
}

const FOREVER = 0xffff_ffff;

export type RawObject = Readonly<Record<string, unknown>>;

/** One `ip -j` listing. An empty answer is an empty list. @throws PasserelleError `iproute/refused`. */
export async function runJson(run: Run, argv: readonly string[], signal: AbortSignal): Promise<RawObject[]> {
  const { exitCode, stdout, stderr } = await run(argv, { signal });
  if (exitCode !== 0) {
    throw new PasserelleError({
      code: 'iproute/refused',
      message: `\`${argv.join(' ')}\` said: ${stderr.trim() || `exit status ${exitCode}`}`,
    });
  }
  return parseListing(stdout);
}

/** Lenient: what is not a list of objects is an empty list; iproute2 prints `[{}]` and `` for nothing. */
export function parseListing(text: string): RawObject[] {
  try {
    return objectsOf(JSON.parse(text === '' ? '[]' : text));
  } catch {
    return [];
  }
}

function hasName(raw: RawObject): raw is RawObject & { readonly ifname: string } {
  return typeof raw['ifname'] === 'string';
}

function optional<Key extends string>(key: Key, value: string | undefined): { readonly [K in Key]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: string });
}

function objectOf(value: unknown): RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawObject) : {};
}

function objectsOf(value: unknown): RawObject[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
