/** What `ip -j -6 neigh show proxy` says: for whom this host answers neighbour discovery (ip-neighbour(8)). */
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

/** Of IPv6. @throws PasserelleError `iproute/refused`. */
export async function readNeighbourProxies(run: Run, signal: AbortSignal): Promise<NeighbourProxyEntry[]> {
  return sharedRead(run, signal, 'neighbour proxies', async () =>
    parseNeighbourProxies(await runJson(run, ['ip', '-j', '-6', 'neigh', 'show', 'proxy'], signal)),
  );
}

export function parseNeighbourProxies(listing: readonly RawObject[]): NeighbourProxyEntry[] {
  return listing.flatMap(({ dst, dev, protocol }): NeighbourProxyEntry[] =>
    typeof dst === 'string' && typeof dev === 'string'
      ? [{ address: dst, device: dev, ...(typeof protocol === 'string' && { protocol }) }]
      : [],
  );
}
