/** Taps of the user engine, as root: namespaces and the host plugged into a network of the fabric. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guest } from '../../lab/guest.js';
import { whySkipped } from '../../lab/prerequisites.js';
import { startByHand } from '../hand-started.js';
import { type HostWeb, startHostWeb } from '../host-services.js';
import { patternDigest } from '../pattern.js';
import { Stage } from '../stage.js';

const MEGABYTE = 1024 * 1024;
const PROJECT = `taps${process.pid.toString(36)}`;
/** Made and removed here; the others are the engine's. */
const NAMED = `psl-test-${process.pid}-taps`;
const OWN = `passerelle-user:${PROJECT}:box`;
const AWAY = `passerelle-user:${PROJECT}:away`;

const reason = whySkipped({ root: true, programs: ['ip', 'busybox', 'nsenter'] });
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Runs a line in a namespace, off this thread: what it talks to may live here. */
async function within(namespace: string, line: string): Promise<{ ok: boolean; text: string }> {
  const words = ['netns', 'exec', namespace, 'sh', '-c', line];
  try {
    const { stdout } = await promisify(execFile)('ip', words, { timeout: 60_000 });
    return { ok: true, text: stdout };
  } catch (error) {
    return { ok: false, text: String((error as { stderr?: string }).stderr) };
  }
}

async function must(namespace: string, line: string): Promise<string> {
  const { ok, text } = await within(namespace, line);
  if (!ok) throw new Error(`${namespace}: ${line}: ${text}`);
  return text;
}

function namespacesLeft(): string {
  return execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
}

async function killFabric(stage: Stage): Promise<void> {
  const path = join(stage.directory, `run/passerelle/${PROJECT}/fabric.pid`);
  process.kill(Number((await readFile(path, 'utf8')).split(' ')[0]), 'SIGKILL');
}

describe.skipIf(reason !== undefined)('namespaces on taps of the fabric', () => {
  let stage: Stage;
  let hostWeb: HostWeb;
  let guest: Guest;

  beforeAll(async () => {
    execFileSync('ip', ['netns', 'add', NAMED]);
    hostWeb = await startHostWeb();
    stage = await Stage.open({ enter: [], isRoot: true, environment: {} });
    await stage.write(`project: ${PROJECT}
networks:
  web: { mode: nat, ipv4: 10.45.0.0/24, host-loopback: true }
  far: { mode: nat, ipv4: 10.45.1.0/24 }
machines:
  box: { nics: [{ network: web, ipv4: 10.45.0.11, attach: netns }] }
  mate: { nics: [{ network: web, ipv4: 10.45.0.12, attach: netns, netns: ${NAMED} }] }
  away: { nics: [{ network: far, ipv4: 10.45.1.14, attach: netns }] }
  guest: { nics: [{ network: web, ipv4: 10.45.0.13 }] }
`);
    await stage.must('up');
    guest = await startByHand(stage, 'guest');
    await guest.ready();
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await hostWeb.close();
    const left = namespacesLeft();
    execFileSync('ip', ['netns', 'del', NAMED]);
    expect(left).not.toContain(PROJECT);
  });

  /** While a namespace serves 20 MB at port 8088. @param task is given their digest. */
  async function serving(
    namespace: string,
    address: string,
    task: (digest: string) => Promise<void>,
  ): Promise<void> {
    const directory = await mkdtemp(join(stage.directory, 'www-'));
    const digest = await must(namespace, `head -c 20000000 /dev/urandom | tee ${directory}/file | md5sum`);
    const words = [
      'netns',
      'exec',
      namespace,
      'busybox',
      'httpd',
      '-f',
      '-p',
      `${address}:8088`,
      '-h',
      directory,
    ];
    const server = spawn('ip', words, { stdio: 'ignore' });
    try {
      const listens = (): Promise<boolean> =>
        within(namespace, `busybox wget -q -O - http://${address}:8088/file | wc -c`).then(({ text }) =>
          text.startsWith('20000000'),
        );
      await expect.poll(listens, { timeout: 10_000 }).toBe(true);
      await task(digest.slice(0, 32));
    } finally {
      server.kill();
    }
  }

  it('have addresses and routes, and the names of their machines', async () => {
    expect(await must(OWN, 'ip address')).toContain('10.45.0.11/24');
    expect(await must(OWN, 'ip route')).toContain('default via 10.45.0.1');
    expect(await stage.must('netdev', 'box')).toBe('\n');
  });

  it('reach each other with whole 64 KB frames, and a guest without offloads, byte for byte', async () => {
    const fetchFrom = async (namespace: string, address: string): Promise<string> =>
      (await must(namespace, `busybox wget -q -O - http://${address}:8088/file | md5sum`)).slice(0, 32);
    const serve =
      'mkdir -p /tmp/www && head -c 3000000 /bin/busybox >/tmp/www/file && busybox httpd -p 8088 -h';
    await guest.must(`${serve} /tmp/www`);
    const digest = (await guest.must('md5sum </tmp/www/file')).slice(0, 32);
    expect(await fetchFrom(OWN, '10.45.0.13')).toBe(digest);

    await serving(NAMED, '10.45.0.12', async (sent) => {
      expect(await fetchFrom(OWN, '10.45.0.12')).toBe(sent);
      const line = 'timeout 60 wget -q -O - http://10.45.0.12:8088/file | md5sum';
      expect((await guest.must(line, { timeoutMs: 70_000 })).slice(0, 32)).toBe(sent);
    });
  });

  it('reach the outside through the NAT, both ways', async () => {
    const url = `http://10.45.0.1:${hostWeb.port}/`;
    const digest = await must(OWN, `busybox wget -q -O - ${url}${32 * MEGABYTE} | md5sum`);
    expect(digest).toContain(patternDigest(32 * MEGABYTE));
    const file = join(stage.directory, 'upload');
    await must(OWN, `head -c 12000000 /dev/urandom | base64 >${file}`);
    const [size, md5 = ''] = (await must(OWN, `busybox wget -q -O - --post-file=${file} ${url}`)).split(' ');
    expect(Number(size)).toBeGreaterThan(12_000_000);
    expect(await must(OWN, `md5sum <${file}`)).toContain(md5.trim());
  });

  it('are routed to other networks in packets of their MTU', async () => {
    await serving(AWAY, '10.45.1.14', async (sent) => {
      const fetched = await must(OWN, 'busybox wget -q -O - http://10.45.1.14:8088/file | md5sum');
      expect(fetched.slice(0, 32)).toBe(sent);
    });
  });

  it('let nobody speak with an address of another', async () => {
    await must(OWN, 'ip address add 10.45.0.77/24 dev $(ls /sys/class/net | grep -v lo)');
    expect((await within(OWN, 'ping -c 2 -W 1 -I 10.45.0.77 10.45.0.12')).ok).toBe(false);
    // The address resolution that was refused is tried a few times more before another begins.
    const ping = (): Promise<boolean> => within(OWN, 'ping -c 1 -W 1 10.45.0.12').then(({ ok }) => ok);
    await expect.poll(ping, { timeout: 10_000 }).toBe(true);
    expect((await stage.passerelle('status')).stdout).toMatch(/box .*spoofed/);
  });

  it('come back with their addresses after a kill -9 of the fabric', async () => {
    await killFabric(stage);
    await stage.must('up');
    expect((await within(OWN, 'ping -c 1 -W 2 10.45.0.12')).ok).toBe(true);
    expect((await stage.passerelle('plan')).status).toBe(0);
  });

  it('may go away by themselves, and the fabric goes on', async () => {
    await must(AWAY, 'ip link del $(ls /sys/class/net | grep -v lo)');
    interface Status {
      engines: { ports: { nic: string; connected: boolean }[] }[];
    }
    const isConnected = async (nic: string): Promise<boolean | undefined> =>
      (await stage.json<Status>('status')).engines
        .flatMap(({ ports }) => ports)
        .find((port) => port.nic === nic)?.connected;
    await expect.poll(() => isConnected('away/0'), { timeout: 5000 }).toBe(false);
    expect(await isConnected('box/0')).toBe(true);
    expect((await within(OWN, 'ping -c 1 -W 2 10.45.0.12')).ok).toBe(true);
  });

  it('are gone after down, when the fabric was killed before too', async () => {
    await guest.stop();
    await killFabric(stage);
    await stage.must('down');
    expect(namespacesLeft()).not.toContain(PROJECT);
  });
});

describe.skipIf(reason !== undefined)('a tap on the host', () => {
  const HOST = `psl-test-${process.pid}-taphost`;
  let stage: Stage;

  beforeAll(async () => {
    execFileSync('ip', ['netns', 'add', HOST]);
    stage = await Stage.open({
      enter: ['nsenter', `--net=/run/netns/${HOST}`],
      isRoot: true,
      environment: {},
    });
    await stage.write(`project: ${PROJECT}
networks: { web: { mode: nat, ipv4: 10.46.0.0/24, mtu: 9000 } }
machines: { self: { nics: [{ network: web, ipv4: 10.46.0.11, mac: "52:54:00:00:00:11", attach: tap }] } }
`);
  });
  afterAll(async () => {
    await stage.close();
    execFileSync('ip', ['netns', 'del', HOST]);
  });

  it('is a device with the MAC and MTU of its NIC, which whoever has the host may use', async () => {
    await stage.must('up');
    const [tap = ''] = (await must(HOST, 'ls /sys/class/net')).split(/\s+/).filter((name) => name !== 'lo');
    expect(await must(HOST, `ip link show ${tap}`)).toMatch(/mtu 9000 [^]*52:54:00:00:00:11/);
    await must(HOST, `ip address add 10.46.0.11/24 dev ${tap}`);
    expect((await within(HOST, 'ping -c 1 -W 2 -s 8000 10.46.0.1')).ok).toBe(true);
  });

  it('goes with the network', async () => {
    await stage.must('down');
    expect((await must(HOST, 'ls /sys/class/net')).trim()).toBe('lo');
  });
});
