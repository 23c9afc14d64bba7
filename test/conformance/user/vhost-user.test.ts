/** vhost-user ports with real guests, as an ordinary user: beside stream ports, through the NAT, and over a restart. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guest } from '../../lab/guest.js';
import { startByHand } from '../hand-started.js';
import { type HostWeb, startHostWeb } from '../host-services.js';
import { patternDigest } from '../pattern.js';
import { Stage } from '../stage.js';

const MEGABYTE = 1024 * 1024;
const FILE = `project: shared
networks:
  web: { mode: nat, ipv4: 10.44.0.0/24, host-loopback: true }
machines:
  fast: { nics: [{ network: web, ipv4: 10.44.0.11, port: vhost-user }] }
  twin: { nics: [{ network: web, ipv4: 10.44.0.12, port: vhost-user }] }
  plain: { nics: [{ network: web, ipv4: 10.44.0.13 }] }
`;

describe('vhost-user ports', () => {
  let stage: Stage;
  let hostWeb: HostWeb;
  let guests: Record<'fast' | 'twin' | 'plain', Guest>;

  beforeAll(async () => {
    stage = await Stage.open();
    hostWeb = await startHostWeb();
    await stage.write(FILE);
    await stage.must('up');
    const [fast, twin, plain] = await Promise.all([
      startByHand(stage, 'fast'),
      startByHand(stage, 'twin'),
      startByHand(stage, 'plain'),
    ]);
    guests = { fast, twin, plain };
    await Promise.all([fast, twin, plain].map((guest) => guest.ready()));
  }, 180_000);
  afterAll(async () => {
    await stage.close();
    await hostWeb.close();
  });

  /** Fetches bytes of the host, whose digest is the right one. */
  async function fetchExactly(guest: Guest, url: string, bytes: number): Promise<void> {
    const digest = await guest.must(`timeout 60 wget -q -O - ${url} | md5sum`, { timeoutMs: 70_000 });
    expect(digest).toContain(patternDigest(bytes));
  }

  it('have their addresses by DHCP, and offloads', async () => {
    const leases = await stage.json<{ machine: string; address: string }[]>('leases');
    expect(leases.map(({ machine, address }) => `${machine} ${address}`).sort()).toEqual([
      'fast 10.44.0.11',
      'plain 10.44.0.13',
      'twin 10.44.0.12',
    ]);
    // VIRTIO_NET_F_CSUM, GUEST_CSUM, MRG_RXBUF: bits of what driver and device agreed on.
    const features = await guests.fast.must('cat /sys/bus/virtio/devices/*/features | grep "^11"');
    expect(features[15]).toBe('1');
  });

  it('reach each other and a stream port, byte for byte, whatever is left to whom', async () => {
    const { fast, plain } = guests;
    for (const guest of Object.values(guests)) {
      await guest.must('mkdir -p /tmp/www && head -c 3000000 /bin/busybox >/tmp/www/file');
      await guest.must('busybox httpd -p 8088 -h /tmp/www');
    }
    const digest = (await fast.must('md5sum </tmp/www/file')).split(' ')[0] ?? '';
    for (const [guest, address] of [
      [fast, '10.44.0.12'],
      [fast, '10.44.0.13'],
      [plain, '10.44.0.11'],
    ] as const) {
      const line = `timeout 60 wget -q -O - http://${address}:8088/file | md5sum`;
      expect(await guest.must(line, { timeoutMs: 70_000 })).toContain(digest);
    }
  });

  it('reach the outside through the NAT, both ways', async () => {
    const url = `http://10.44.0.1:${hostWeb.port}/`;
    await fetchExactly(guests.fast, `${url}${8 * MEGABYTE}`, 8 * MEGABYTE);
    await guests.fast.must('base64 /bin/busybox >/tmp/upload');
    const [size, md5 = ''] = (
      await guests.fast.must(`timeout 60 wget -q -O - --post-file=/tmp/upload ${url}`, { timeoutMs: 70_000 })
    ).split(' ');
    expect(Number(size)).toBeGreaterThan(MEGABYTE);
    expect(await guests.fast.must('md5sum </tmp/upload')).toContain(md5);
  });

  it('let nobody speak with an address of another', async () => {
    const { fast } = guests;
    await fast.must('ip address add 10.44.0.77/24 dev eth0');
    expect((await fast.run('ping -c 2 -W 1 -I 10.44.0.77 10.44.0.12')).status).not.toBe(0);
    await fast.must('ip address del 10.44.0.77/24 dev eth0');
    expect((await stage.passerelle('status')).stdout).toMatch(/fast .*spoofed/);
    // The address resolution that was refused is tried a few times more before another begins.
    const ping = (): Promise<number> => fast.run('ping -c 1 -W 1 10.44.0.12').then(({ status }) => status);
    await expect.poll(ping, { timeout: 10_000 }).toBe(0);
  });

  it('come back after a kill -9 of the fabric', async () => {
    const pidFile = join(stage.directory, 'run/passerelle/shared/fabric.pid');
    process.kill(Number((await readFile(pidFile, 'utf8')).split(' ')[0]), 'SIGKILL');
    await stage.must('up');
    const ping = (guest: Guest, address: string): Promise<number> =>
      guest.run(`ping -c 1 -W 2 ${address}`).then(({ status }) => status);
    await expect.poll(() => ping(guests.fast, '10.44.0.12'), { timeout: 15_000 }).toBe(0);
    await fetchExactly(guests.twin, `http://10.44.0.1:${hostWeb.port}/${MEGABYTE}`, MEGABYTE);
  });

  it('take a machine that is started anew', async () => {
    await guests.plain.stop();
    await guests.twin.stop();
    const twin = await startByHand(stage, 'twin');
    await twin.ready();
    expect((await guests.fast.run('ping -c 1 -W 3 10.44.0.12')).status).toBe(0);
  });
});
