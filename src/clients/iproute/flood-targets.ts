/**
 * Where a VXLAN device sends what it knows no place for, broadcast included: entries of the all-zero MAC in its forwarding
 * table (bridge(8), fdb), each a copy to one address (head-end replication).
 */
import type { Run } from '../command/run.js';
import { type Link, type RawObject, runJson } from './links.js';

export const FLOOD_MAC = '00:00:00:00:00:00';

/** Device -> targets as typed after `dst`, sorted: an address, and what else an entry says. */
export type FloodTargets = ReadonlyMap<string, readonly string[]>;

/**
 * Of every VXLAN device of the namespace.
 * @param links of the namespace.
 * @throws PasserelleError `iproute/refused`.
 */
export async function readFloodTargets(
  run: Run,
  links: readonly Link[],
  signal: AbortSignal,
): Promise<FloodTargets> {
  // Asking costs a program, and most hosts have none.
  if (links.every(({ kind }) => kind !== 'vxlan')) return new Map();
  return parseFloodTargets(await runJson(run, ['bridge', '-j', 'fdb', 'show', 'state', 'permanent'], signal));
}

export function parseFloodTargets(listing: readonly RawObject[]): FloodTargets {
  const targets = new Map<string, string[]>();
  for (const { mac, ifname, dst, port, vni } of listing) {
    if (mac !== FLOOD_MAC || typeof ifname !== 'string' || typeof dst !== 'string') continue;
    const words = [
      dst,
      ...(typeof port === 'number' ? [`port ${port}`] : []),
      ...(typeof vni === 'number' ? [`vni ${vni}`] : []),
    ];
    targets.set(ifname, [...(targets.get(ifname) ?? []), words.join(' ')].sort());
  }
  return targets;
}
