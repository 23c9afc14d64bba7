/** NAT, DHCP, names and forwards on VDE, rootless: the embedded gateway behind a real vde_switch, with real guests. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processStartTicks } from '../../../src/plan/process-identity.js';
import type { Guest } from '../../lab/guest.js';
import { fetchText, freePort, type HostWeb, patternDigest, startHostWeb } from '../host-services.js';
import { Stage } from '../stage.js';
import { whyNot } from './vde-lab.js';

const reason = whyNot('qemu-system-x86_64');
if (reason !== undefined) console.log(`skipped: ${reason}`);

const MEGABYTE = 1024 * 1024;

describe.skipIf(reason !== undefined)('a gateway on VDE', () => {
  let stage: Stage;
  let hostWeb: HostWeb;
  let port: number;
  let web1: Guest;
  let db1: Guest;
  const file = (extra = ''): string => `project: vdegw
engine: vde
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, host-loopback: true, dns: { domain: lab.internal } }
  back: { mode: isolated, ipv4: 10.10.20.0/24, dhcp: true }
machines:
  web1:
    nics:
      - { network: web, ipv4: 10.10.10.11, forwards: ["127.0.0.1:${port}:9090"] }
      - { network: back, ipv4: 10.10.20.11 }
  db1: { nics: [{ network: back, ipv4: 10.10.20.12 }] }
${extra}`;

  beforeAll(async () => {
    stage = await Stage.open();
    hostWeb = await startHostWeb();
    port = await freePort();
    await stage.write(file());
    await stage.must('up');
    [web1, db1] = [await stage.guest('web1'), await stage.guest('db1')];
    await Promise.all([web1.ready(), db1.ready()]);
  }, 200_000);
  afterAll(async () => {
    await stage.close();
    await hostWeb.close();
  });

  it('leases the addresses of the file, and leaves nothing to do', async () => {
    expect(await web1.must('ip -4 -o addr show eth0')).toContain('10.10.10.11/24');
    expect(await web1.must('ip -4 -o addr show eth1')).toContain('10.10.20.11/24');
    expect(await db1.must('ip -4 -o addr show eth0')).toContain('10.10.20.12/24');
    expect(await web1.must('ip route')).toMatch(/default via 10\.10\.10\.1 dev eth0/);
    expect(await db1.must('ip route')).not.toContain('default');
    const leases = await stage.json<{ address: string; machine: string }[]>('leases');
    expect(leases).toContainEqual(expect.objectContaining({ address: '10.10.20.12', machine: 'db1' }));
    expect((await stage.passerelle('plan')).status).toBe(0);
  });

  it('resolves names, on the isolated network only its own', async () => {
    expect(await web1.must('nslookup web1.lab.internal 10.10.10.1')).toContain('10.10.10.11');
    const server = await db1.must("sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1");
    expect(await db1.must(`nslookup web1 ${server} || nslookup web1.vdegw.internal ${server}`)).toContain(
      '10.10.20.11',
    );
  });

  it('carries TCP out through the NAT and in through a forward, byte for byte', async () => {
    await web1.must('ping -c 2 -W 2 10.10.10.1');
    const url = `http://10.10.10.1:${hostWeb.port}/${8 * MEGABYTE}`;
    const began = performance.now();
    expect(await web1.must(`timeout 100 wget -q -O - ${url} | md5sum`, { timeoutMs: 110_000 })).toContain(
      patternDigest(8 * MEGABYTE),
    );
    console.log(`8 MiB through switch, patch panel and NAT in ${Math.round(performance.now() - began)} ms`);
    expect(await fetchText(port, '/name')).toBe('web1\n');
  });

  it('keeps the isolated network to itself', async () => {
    await db1.must('ping -c 2 -W 2 10.10.20.11');
    const server = await db1.must("sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1");
    await db1.must(`ip route add default via ${server}`);
    try {
      for (const target of ['10.10.10.1', '10.10.10.11', '192.0.2.1']) {
        expect.soft((await db1.run(`ping -c 1 -W 1 ${target}`)).status, target).not.toBe(0);
      }
      const web = await db1.run(`timeout 3 wget -q -O - http://${server}:${hostWeb.port}/`);
      expect(web.status).not.toBe(0);
    } finally {
      await db1.must(`ip route del default via ${server}`);
    }
  });

  it('adds a machine live, under a running transfer', async () => {
    const transfer = web1.must(`timeout 60 wget -q -O - http://10.10.10.1:${hostWeb.port}/slow/5`, {
      timeoutMs: 70_000,
    });
    await stage.write(file('  guest9: { nics: [{ network: web }] }\n'));
    await stage.must('up');
    await stage.write(file());
    await stage.must('up');
    expect(await transfer).toContain('complete');
  });

  it('mends a killed gateway and a killed patch panel', async () => {
    const run = join(stage.directory, 'run/passerelle/vdegw');
    const pids = await Promise.all(
      ['vde-gateway/fabric.pid', 'switches/web/gateway.pid'].map(async (name) =>
        Number.parseInt(await readFile(join(run, name), 'utf8'), 10),
      ),
    );
    for (const pid of pids) {
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => processStartTicks(pid)).toBeUndefined();
    }
    await stage.must('up');
    expect((await stage.passerelle('plan')).status).toBe(0);
    await expect
      .poll(async () => (await web1.run('ping -c 1 -W 1 10.10.10.1')).status, { timeout: 15_000 })
      .toBe(0);
    expect(await fetchText(port, '/name')).toBe('web1\n');
  });
});
