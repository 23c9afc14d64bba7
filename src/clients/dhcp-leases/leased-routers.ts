/**
 * Routers that the host's own DHCP client was told of for a NIC, whether or not it made a default route of them: the
 * lease files of systemd-networkd and of dhclient (dhclient.leases(5)).
 */
import { readdir, readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';

const NETWORKD_LEASES = '/run/systemd/netif/leases';
const DHCLIENT_LEASES = ['/var/lib/dhcp', '/var/lib/NetworkManager'];

export interface LeaseNic {
  readonly name: string;
  /** networkd calls its files by it. */
  readonly index: number;
}

/** IPv4 routers of the NIC's lease, the preferred first. @param root of the file system, for tests. */
export async function leasedRouters({ name, index }: LeaseNic, root = '/'): Promise<string[]> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  const ofNetworkd = parseNetworkdLease(await read(join(NETWORKD_LEASES, String(index))));
  if (ofNetworkd.length > 0) return ofNetworkd;
  for (const directory of DHCLIENT_LEASES) {
    const files = await readdir(join(root, directory)).catch(() => []);
    for (const file of files.filter((each) => /^dhclient.*\.leases?$/.test(each))) {
      const routers = parseDhclientLeases(await read(join(directory, file)), name);
      if (routers.length > 0) return routers;
    }
  }
  return [];
}

export function parseNetworkdLease(text: string): string[] {
  const [, routers = ''] = /^ROUTER=(.*)$/m.exec(text) ?? [];
  return routers.split(/\s+/).filter(isIPv4);
}

/** The last lease of the NIC holds. */
export function parseDhclientLeases(text: string, nic: string): string[] {
  const leases = text.split(/^lease\s*\{/m).filter((lease) => lease.includes(`interface "${nic}";`));
  const [, routers = ''] = /^\s*option routers ([^;]*);/m.exec(leases.at(-1) ?? '') ?? [];
  return routers.split(/[\s,]+/).filter(isIPv4);
}
