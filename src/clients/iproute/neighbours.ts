/** What `ip -j neigh show proxy` says: for whom this host answers ARP and neighbour discovery (ip-neighbour(8)). */
import type { Run } from '../command/run.js';
import { sharedRead } from '../command/shared-read.js';
import { type RawObject, runJson } from './links.js';

export interface NeighbourProxyEntry {
  readonly address: string;
  /** The device it is answered on. */
  readonly device: string;
  /** Number or name of who made it; absent: nobody said. */
  readonly protocol?: string;
}

/** Of one family. @throws PasserelleError `iproute/refused`. */
export async function readNeighbourProxies(
  run: Run,
  family: 4 | 6,
  signal: AbortSignal,
): Promise<NeighbourProxyEntry[]> {
  return sharedRead(run, signal, `neighbour proxies of IPv${family}`, async () =>
    parseNeighbourProxies(await runJson(run, ['ip', '-j', `-${family}`, 'neigh', 'show', 'proxy'], signal)),
  );
}

export function parseNeighbourProxies(listing: readonly RawObject[]): NeighbourProxyEntry[] {
  return listing.flatMap(({ dst, dev, protocol }): NeighbourProxyEntry[] =>
    typeof dst === 'string' && typeof dev === 'string'
      ? [{ address: dst, device: dev, ...(typeof protocol === 'string' && { protocol }) }]
      : [],
  );
}
