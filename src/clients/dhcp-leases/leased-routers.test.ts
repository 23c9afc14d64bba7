import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leasedRouters } from './leased-routers.js';

const NETWORKD =
  '# This is private data.\nADDRESS=198.51.100.7\nNETMASK=255.255.255.0\nROUTER=198.51.100.1\n';
const lease = (nic: string, routers: string): string =>
  `lease {\n  interface "${nic}";\n  fixed-address 198.51.100.7;\n  option routers ${routers};\n}\n`;

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'psl-leases-'))));
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

it('reads the lease that networkd has for the NIC', async () => {
  await put('run/systemd/netif/leases/3', NETWORKD);
  expect(await leasedRouters({ name: 'eth1', index: 3 }, root)).toEqual(['198.51.100.1']);
  expect(await leasedRouters({ name: 'eth2', index: 4 }, root)).toEqual([]);
});

it("reads the last lease that dhclient had for the NIC, and no other NIC's", async () => {
  const text = `${lease('eth1', '198.51.100.1')}${lease('eth1', '198.51.100.2, 198.51.100.3')}${lease('eth10', '192.0.2.1')}`;
  await put('var/lib/dhcp/dhclient.leases', text);
  expect(await leasedRouters({ name: 'eth1', index: 3 }, root)).toEqual(['198.51.100.2', '198.51.100.3']);
  expect(await leasedRouters({ name: 'eth0', index: 2 }, root)).toEqual([]);
});

it('knows of none where no client keeps leases, or the lease names none', async () => {
  expect(await leasedRouters({ name: 'eth1', index: 3 }, root)).toEqual([]);
  await put('run/systemd/netif/leases/3', 'ADDRESS=198.51.100.7\nROUTER=elsewhere ::1\n');
  expect(await leasedRouters({ name: 'eth1', index: 3 }, root)).toEqual([]);
});
