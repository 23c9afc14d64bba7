/**
 * One network over many hosts: a full mesh of tunnels (RFC 7348 VXLAN, RFC 8926 Geneve) between the hosts' bridges. Pure.
 *
 * Each host computes its own tunnels from the same list of hosts, so nothing has to be agreed on: the network identifier
 * is a hash of project and network, the same everywhere. A host that joins or leaves changes one tunnel on every other
 * host and nothing else. MAC addresses are learnt, as on one bridge: a machine that moves is found by its first frame.
 * Loops cannot be: what came by one tunnel leaves by none (split horizon).
 */
import { createHash } from 'node:crypto';
import type { Resource } from '../../plan/resource.js';
import { parseIpv4 } from '../../wire/address.js';
import { resourceId } from './identity.js';
import { makeResource } from './resources.js';

export type TunnelType = 'vxlan' | 'geneve';

/** UDP ports that IANA gave. */
const UDP_PORTS: Readonly<Record<TunnelType, number>> = { vxlan: 4789, geneve: 6081 };
/** UDP, tunnel header (8 bytes in both types, without options) and inner Ethernet: what an outer packet holds besides. */
const HEADER_BYTES = 8 + 8 + 14;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const MAX_IDENTIFIER = 0xff_ffff;

/** A host that carries a share of the project. */
export interface TunnelHost {
  readonly name: string;
  /** Address that the other hosts reach it at, canonical text. */
  readonly address: string;
}

export interface Mesh {
  readonly project: string;
  readonly network: { readonly name: string; readonly interfaceName: string };
  readonly type: TunnelType;
  /** Identifier of the network, from `networkIdentifiers`. */
  readonly identifier: number;
  readonly hosts: readonly TunnelHost[];
  /** Name of the host whose tunnels these are. */
  readonly self: string;
}

/** The tunnels of one host, one to each of the others. None when the host is not one of the mesh. */
export function meshTunnels({ project, network, type, identifier, hosts, self }: Mesh): Resource[] {
  const own = hosts.find(({ name }) => name === self);
  if (own === undefined) return [];
  return hosts
    .filter(({ name }) => name !== self)
    .map((host) =>
      makeResource(
        'tunnel',
        `${network.name}/${host.name}`,
        {
          bridge: network.interfaceName,
          device: tunnelDevice(project, network.name, host.name),
          type,
          remoteAddress: host.address,
          localAddress: own.address,
          key: identifier,
          port: UDP_PORTS[type],
          isIsolated: true,
          isAttached: true,
        },
        {
          needs: [resourceId('bridge', network.name)],
          reason: `${network.name} goes on at host ${host.name}`,
        },
      ),
    );
}

/**
 * An identifier for each network, by hash, the same on every host that reads the same file. Where two hashes meet, the
 * name that sorts later takes the next free one.
 */
export function networkIdentifiers(
  project: string,
  networks: readonly string[],
): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  const identifiers = new Map<string, number>();
  for (const network of [...networks].sort()) {
    let identifier = (hashOf(`${project}/${network}`).readUInt32BE(0) % MAX_IDENTIFIER) + 1;
    while (taken.has(identifier)) identifier = (identifier % MAX_IDENTIFIER) + 1;
    taken.add(identifier);
    identifiers.set(network, identifier);
  }
  return identifiers;
}

/** The largest packet of a machine that fits one outer packet. @param hosts whose tunnels it may go through. */
export function overlayMtuBytes(underlayMtuBytes: number, hosts: readonly TunnelHost[]): number {
  const isIpv4 = hosts.every(({ address }) => parseIpv4(address) !== undefined);
  return underlayMtuBytes - HEADER_BYTES - (isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES);
}

/** Kernel names have 15 characters at most (IFNAMSIZ); unique by hash. */
function tunnelDevice(project: string, network: string, host: string): string {
  return `pslt${hashOf(`${project}/${network}/${host}`).toString('hex').slice(0, 10)}`;
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
