/** What the host asks for names: /etc/resolv.conf (resolv.conf(5)). */
import { readFile } from 'node:fs/promises';

export interface ResolverSettings {
  readonly resolvers: readonly string[];
  readonly searchDomains: readonly string[];
}

/** systemd-resolved answers on a loopback address and writes down here whom it asks itself. */
const PATHS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** Resolvers of the network, not those that only the host itself can ask. */
export async function readResolverSettings(): Promise<ResolverSettings> {
  const [own, behind] = await Promise.all(
    PATHS.map(async (path) => parseResolvConf(await readFile(path, 'utf8').catch(() => ''))),
  );
  return own !== undefined && (own.resolvers.length > 0 || behind === undefined)
    ? own
    : (behind ?? { resolvers: [], searchDomains: [] });
}

export function parseResolvConf(text: string): ResolverSettings {
  const resolvers: string[] = [];
  let searchDomains: string[] = [];
  for (const line of text.split('\n')) {
    const [word, ...values] = line.trim().split(/\s+/);
    const [address] = values;
    if (word === 'nameserver' && address !== undefined && !isLoopback(address)) resolvers.push(address);
    // The last of them holds.
    else if (word === 'search' || word === 'domain') searchDomains = values.filter((name) => name !== '.');
  }
  return { resolvers, searchDomains };
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
