/**
 * The host's own IP stack kept off devices that the userspace datapath reads. That datapath takes its copy of each frame
 * from a packet socket, and the kernel goes on to treat the frame as its own: it answers ARP for every address the host
 * has, with the tap's MAC, and takes IP sent to them. Isolation would leak, and a gateway would have two MACs. Dropping
 * in the ingress hook ends that: packet sockets have had the frame by then. (The kernel datapath takes frames before the
 * stack, and after this hook: there the shield would cut the port off.)
 */
import type { NftTable } from '../../clients/nft/listing.js';
import { tableName, tablePhrase } from '../kernel-gateway/rules/ruleset.js';
import type { Owner } from './owner.js';

const CHAIN_PREFIX = 'in-';

export function shieldTable({ project, provider }: Owner): {
  readonly family: 'netdev';
  readonly name: string;
} {
  return { family: 'netdev', name: tableName('netdev', project, provider).name };
}

export function shieldChain(device: string): string {
  return `${CHAIN_PREFIX}${device}`;
}

/** Lines of `nft -f` that shield devices, whatever stands of it already. */
export function shieldLines(owner: Owner, devices: readonly string[]): string[] {
  const phrase = tablePhrase(shieldTable(owner));
  return devices.length === 0
    ? []
    : [
        `add table ${phrase}`,
        ...devices.map(
          (device) =>
            `add chain ${phrase} ${shieldChain(device)} { type filter hook ingress device "${device}" priority -500 ; policy drop ; }`,
        ),
      ];
}

/** Lines that end the shield of devices; with the last one the table goes. */
export function unshieldLines(
  owner: Owner,
  devices: readonly string[],
  shielded: ReadonlySet<string>,
): string[] {
  const phrase = tablePhrase(shieldTable(owner));
  const standing = devices.filter((device) => shielded.has(device));
  if (standing.length === 0) return [];
  if (standing.length === shielded.size) return [`delete table ${phrase}`];
  return standing.map((device) => `delete chain ${phrase} ${shieldChain(device)}`);
}

/** Devices that are shielded, of the table as it stands. */
export function shieldedDevices(table: NftTable | undefined): Set<string> {
  return new Set(
    (table?.chains ?? [])
      .filter(
        ({ name, hook, policy }) => name.startsWith(CHAIN_PREFIX) && hook === 'ingress' && policy === 'drop',
      )
      .map(({ name }) => name.slice(CHAIN_PREFIX.length)),
  );
}
