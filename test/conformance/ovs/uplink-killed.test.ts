/** The command dies before each program it runs while it takes an uplink in; the next `up` or `down` ends what it began. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendWholeChecksums } from '../../lab/offloads.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovskilled';
const LOADER = fileURLToPath(new URL('../../lab/typescript-loader.mjs', import.meta.url));
const CHILD = fileURLToPath(new URL('uplink-child.ts', import.meta.url));
/** More than one `up` has; the last of them finds nothing to cut off. */
const MOST_PROGRAMS = 60;
/** The watchdog's, as the child has it, and what it takes to notice. */
const LIMIT_MS = 3000 + 1500;

describe.skipIf(lacking !== undefined)('a command that dies while it takes an uplink in', () => {
  const office = network(PROJECT, 'office', 'bridge', { uplink: 'default' });
  const wanted = topology(
    PROJECT,
    [office],
    [nic(PROJECT, 'a', 0, office, { options: { attach: 'netns' } })],
  );
  let host: OvsHost;
  let lan: string;
  let project: OvsProject;

  beforeAll(async () => {
    host = await OvsHost.start();
    lan = `${host.namespace}-lan`;
    await host.addNamespace(lan);
    await host.type(
      `ip link add lan0 type veth peer name eth0 netns ${lan}; ip address add 198.51.100.1/24 dev lan0; ip link set lan0 up; ip -n ${lan} address add 198.51.100.2/24 dev eth0; ip -n ${lan} link set eth0 up; ip route add default via 198.51.100.2`,
    );
    sendWholeChecksums(host.namespace, 'lan0');
    sendWholeChecksums(lan, 'eth0');
    project = await OvsProject.create(PROJECT, host, { commitLimitMs: 3000, peers: [] });
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    if (lan !== undefined) await host.deleteNamespace(lan).catch(() => undefined);
    await host?.[Symbol.asyncDispose]();
  });

  const life = async () =>
    host.type('ip -br -4 address show dev lan0; ip route; ovs-vsctl list-br; nft list tables');

  /** @returns whether it died; false when all was done before. */
  async function dies(at: number): Promise<boolean> {
    const words = [
      String(at),
      host.directory,
      host.namespace,
      PROJECT,
      project.directory,
      JSON.stringify(wanted),
    ];
    const child = spawn(process.execPath, ['--import', LOADER, CHILD, ...words], { stdio: 'inherit' });
    const [code, killed] = (await once(child, 'exit')) as [number | null, string | null];
    expect(code === 0 || killed === 'SIGKILL').toBe(true);
    return killed !== null;
  }

  async function down(): Promise<void> {
    await project.down(signal());
    await project.engine.sweep?.(signal());
  }

  it('up and down converge from wherever it was, and no watchdog spoils it afterwards', async () => {
    const before = await life();
    let deaths = 0;
    for (let at = 1; at < MOST_PROGRAMS && (await dies(at)); at++) {
      deaths++;
      const waiting = (await project.engine.status(signal())).notes.filter((note) => note.includes('commit'));
      if (at % 2 === 0) {
        await project.up(wanted, signal());
        // Whoever was to take it back has nothing to take back any more.
        if (waiting.length > 0) await sleep(LIMIT_MS);
        const { steps } = await project.plan(project.engine.desire(wanted), signal());
        expect(steps, `after death ${at}`).toEqual([]);
        expect(await host.run('ip', 'route', 'show', 'default')).toContain(`dev ${office.interfaceName}`);
        await host.run('ping', '-c', '1', '-W', '2', '198.51.100.2');
      }
      await down();
      if (waiting.length > 0 && at % 2 === 1) await sleep(LIMIT_MS);
      expect(await life(), `after death ${at}`).toBe(before);
      const left = await readdir(join(project.directory, 'passerelle', PROJECT, 'ovs')).catch(() => []);
      expect(left.filter((name) => name.startsWith('uplink-'))).toEqual([]);
      await host.run('ping', '-c', '1', '-W', '2', '198.51.100.2');
    }
    // The last of them lived, and its work stands.
    await down();
    expect(await life()).toBe(before);
    console.log(`died before each of ${deaths} programs`);
    expect(deaths).toBeGreaterThan(8);
    expect(deaths).toBeLessThan(MOST_PROGRAMS - 1);
  }, 500_000);

  it('a death while nobody answers is reverted in time, and the next up begins anew', async () => {
    const before = await life();
    for (const line of [
      'add table ip mute',
      'add chain ip mute c { type filter hook input priority 0 ; }',
      'add rule ip mute c icmp type echo-request limit rate over 1/day burst 1 packets drop',
    ])
      await host.run('ip', 'netns', 'exec', lan, 'nft', line);
    const words = ['0', host.directory, host.namespace, PROJECT, project.directory, JSON.stringify(wanted)];
    const child = spawn(process.execPath, ['--import', LOADER, CHILD, ...words], { stdio: 'ignore' });
    const isIn = async () =>
      (await host.run('ip', 'route', 'show', 'default')).includes(office.interfaceName);
    await expect.poll(isIn, { timeout: 20_000 }).toBe(true);
    child.kill('SIGKILL');
    expect((await project.engine.status(signal())).notes.join()).toContain('passerelle commit');
    await expect.poll(isIn, { timeout: LIMIT_MS + 2000 }).toBe(false);
    await host.run('ip', 'netns', 'exec', lan, 'nft', 'delete table ip mute');
    await host.run('ping', '-c', '1', '-W', '2', '198.51.100.2');
    await project.up(wanted, signal());
    expect((await project.plan(project.engine.desire(wanted), signal())).steps).toEqual([]);
    await down();
    expect(await life()).toBe(before);
  });
});
