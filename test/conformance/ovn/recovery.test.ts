import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EngineProject } from '../engine-project.js';
import { arrivals, FramePort } from '../ovs/frame-port.js';
import { ipv4, udp } from '../ovs/frames.js';
import { nic, subnets, topology } from '../ovs/topologies.js';
import { Stage } from '../stage.js';
import { enterWords } from '../world.js';
import { lackingForOvn, OvnHost } from './ovn-host.js';
import { namespaceOf, openProject, ovnNetwork } from './project.js';

const lacking = lackingForOvn();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovnrecover';

describe.skipIf(lacking !== undefined)('what goes wrong under the ovn engine', () => {
  const web = ovnNetwork(PROJECT, 'web', 'nat', subnets(61));
  const back = ovnNetwork(PROJECT, 'back', 'isolated', {
    ...subnets(62),
    dns: { domain: 'shop.internal', upstream: [] },
  });
  const a = nic(PROJECT, 'a', 0, web, { ipv4: '10.61.0.11' });
  const b = nic(PROJECT, 'b', 0, web, { ipv4: '10.61.0.12', options: { attach: 'netns' } });
  const c = nic(PROJECT, 'c', 0, back, { ipv4: '10.62.0.13', options: { attach: 'netns' } });
  const d = nic(PROJECT, 'd', 0, back, { ipv4: '10.62.0.14', options: { attach: 'netns' } });
  const wanted = topology(PROJECT, [back, web], [a, b, c, d]);
  const [inB, inC] = [namespaceOf(wanted, 'b'), namespaceOf(wanted, 'c')];
  let host: OvnHost;
  let project: EngineProject;
  let count = 0;

  beforeAll(async () => {
    host = await OvnHost.start();
    project = await openProject(PROJECT, host);
  });
  afterEach(async () => {
    await project.down(signal());
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  async function frameFromTapArrives(): Promise<void> {
    await using machine = await FramePort.open(host.namespace, a.interfaceName, 'tap');
    await using peer = await FramePort.open(inB, b.interfaceName);
    const say = (from: typeof a, to: typeof a) =>
      ipv4(
        { from: from.mac, to: to.mac },
        from.ipv4 ?? '',
        to.ipv4 ?? '',
        17,
        udp(1, 2, Buffer.from(`${count++}`)),
      );
    await arrivals(machine, peer, say(a, b), []);
    await arrivals(peer, machine, say(b, a), []);
  }

  async function ping(namespace: string, address: string): Promise<void> {
    await host.run('ip', 'netns', 'exec', namespace, 'ping', '-c', '1', '-W', '2', address);
  }

  it('isolated: DHCP by OVN itself, names by a server away from the host, and the host is out of reach', async () => {
    await project.up(wanted, signal());
    await ping(inC, '10.62.0.14');
    const script = join(project.directory, 'lease');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mtu $hostname $domain"\nexit 0\n', {
      mode: 0o755,
    });
    const lease = await host.run(
      'ip',
      'netns',
      'exec',
      inC,
      'busybox',
      'udhcpc',
      '-f',
      '-n',
      '-q',
      '-i',
      c.interfaceName,
      '-O',
      'mtu',
      '-O',
      'hostname',
      '-s',
      script,
    );
    expect(lease).toContain('10.62.0.13 1500 c shop.internal');
    const ask = (name: string) =>
      host.run('ip', 'netns', 'exec', inC, 'timeout', '3', 'busybox', 'nslookup', name, '10.62.0.1');
    expect(await ask('d.shop.internal')).toContain('10.62.0.14');
    const { stdout } = await ask('nobody.shop.internal').then(
      () => ({ stdout: '' }),
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toContain('NXDOMAIN');
    expect(await project.engine.leases(signal())).toContainEqual(
      expect.objectContaining({ address: '10.62.0.14', machine: 'd', network: 'back' }),
    );
    await expect(host.run('ping', '-c', '1', '-W', '1', '10.62.0.13')).rejects.toThrow();
  });

  it('rows changed and removed by hand are put right, and rows of others are left alone', async () => {
    await host.type(
      'ovn-nbctl ls-add theirs -- lsp-add theirs theirs-1 -- pg-add theirs_group theirs-1 -- create DHCP_Options cidr=10.0.0.0/24 external_ids:whose=theirs; ' +
        'ovs-vsctl add-port br-int theirs0 -- set Interface theirs0 type=internal external_ids:iface-id=theirs-1',
    );
    const before = await host.dump();
    await project.up(wanted, signal());
    await host.type(
      [
        `ovn-nbctl lsp-set-addresses passerelle.${PROJECT}.a.0 unknown`,
        `ovn-nbctl lsp-del passerelle.${PROJECT}.c.0`,
        `ovn-nbctl pg-del passerelle.${PROJECT}.web`,
        `ovn-nbctl lsp-add passerelle.${PROJECT}.web guest-of-theirs`,
        `ovs-vsctl --with-iface del-port br-int ${b.interfaceName}`,
      ].join('; '),
    );
    expect(await project.pending(wanted, signal())).toEqual(
      expect.arrayContaining([
        'update ovn/logical-port/a/0',
        'create ovn/logical-port/c/0',
        'create ovn/guard/web',
        'create ovn/port/b/0',
      ]),
    );
    await project.up(wanted, signal());
    expect(await project.pending(wanted, signal())).toEqual([]);
    await frameFromTapArrives();
    await ping(inC, '10.62.0.14');
    expect(await host.run('ovn-nbctl', 'lsp-list', `passerelle.${PROJECT}.web`)).toContain('guest-of-theirs');
    await project.down(signal());
    expect(await host.dump()).toBe(before);
    await host.type(
      'ovs-vsctl --with-iface del-port br-int theirs0; ovn-nbctl ls-del theirs -- pg-del theirs_group -- --all destroy DHCP_Options',
    );
  });

  it('ovs-vswitchd killed and started: OVN has its flows again by itself, up puts the gateway right', async () => {
    await project.up(wanted, signal());
    await host.ovs.stop('ovs-vswitchd', 'SIGKILL');
    await host.ovs.startSwitch();
    await host.run('ovs-vsctl', '--timeout=10', 'set', 'Open_vSwitch', '.', 'external_ids:touched=yes');
    expect(await project.pending(wanted, signal())).toEqual(
      expect.arrayContaining(['create ovn/inside/b/0', 'create ovn/inside/back']),
    );
    await project.up(wanted, signal());
    expect(await project.pending(wanted, signal())).toEqual([]);
    await ping(inB, '10.61.0.1');
    await frameFromTapArrives();
  });

  it('a tap deleted by hand is made again, and its port with it', async () => {
    await project.up(wanted, signal());
    await host.run('ip', 'link', 'delete', 'dev', a.interfaceName);
    expect(await project.pending(wanted, signal())).toEqual(['create ovn/tap/a/0', 'replace ovn/port/a/0']);
    await project.up(wanted, signal());
    expect(await project.pending(wanted, signal())).toEqual([]);
    await frameFromTapArrives();
  });

  it('ovn-northd or ovn-controller missing: said before anything is touched, and not waited for without end', async () => {
    const codes = async () => (await project.engine.preflight(wanted, signal())).map(({ code }) => code);
    expect(await codes()).toEqual([]);
    await host.stop('ovn-northd', 'SIGKILL');
    expect(await codes()).toEqual(['ovn/northd-missing']);
    const failure = await project.up(wanted, signal()).catch((error: unknown) => String(error));
    expect(failure).toContain('ovn-northd has not acted on the change');
    expect(failure).toContain('everything was put back');
    await host.startNorthd();

    await host.stop('ovn-controller', 'SIGKILL');
    expect(await codes()).toEqual(['ovn/controller-missing']);
    const findings = await project.engine.doctor(signal());
    expect(findings).toContainEqual(
      expect.objectContaining({ state: 'missing', fix: 'systemctl start ovn-host' }),
    );
    await host.startController();
    expect(await codes()).toEqual([]);
    await project.up(wanted, signal());
    await ping(inC, '10.62.0.14');
  });

  it('databases that do not answer: said before anything is touched', async () => {
    const codes = async () => (await project.engine.preflight(wanted, signal())).map(({ code }) => code);
    await host.stop('northbound');
    await host.stop('southbound');
    expect(await codes()).toEqual(['ovn/northbound-unreachable', 'ovn/southbound-unreachable']);
    expect(await project.engine.status(signal()).catch((error: unknown) => String(error))).toContain(
      'no northbound database of OVN answers',
    );
    await host.startDatabases();
    await expect.poll(codes, { timeout: 15_000 }).toEqual([]);
  });

  it('killed at any moment, the next up makes it whole', async () => {
    const stage = await Stage.open({
      enter: enterWords(host.namespace),
      isRoot: true,
      environment: host.environment,
    });
    try {
      await stage.write(
        'project: ovnkilled\nengine: ovn\nnetworks:\n  web: { mode: nat, ipv4: 10.63.0.0/24 }\n  back: { mode: isolated, ipv4: 10.64.0.0/24, dhcp: true }\n' +
          'machines:\n  a: { nics: [{ network: web, attach: netns }, { network: back, attach: netns }] }\n  b: { nics: [{ network: web, attach: netns }, { network: back, attach: netns }] }\n',
      );
      const before = await host.dump();
      let interrupted = 0;
      for (const delayMs of [250, 350, 450, 550, 700, 900]) {
        for (const verb of ['up', 'down']) {
          const running = stage.start(verb);
          await sleep(delayMs);
          running.kill('SIGKILL');
          await running.ended;
          if ((await stage.passerelle('plan')).status === 3) interrupted++;
        }
      }
      expect(interrupted).toBeGreaterThan(0);
      await stage.must('up', '--allow-disruption');
      expect((await stage.passerelle('plan')).status).toBe(0);
      const inA = 'passerelle:ovnkilled:ovn-machine:a';
      const addresses = await host.run(
        'ip',
        'netns',
        'exec',
        'passerelle:ovnkilled:ovn-machine:b',
        'ip',
        '-4',
        '-o',
        'addr',
      );
      for (const [address] of addresses.matchAll(/10\.6[34]\.0\.\d+(?=\/)/g)) await ping(inA, address);
      await stage.must('down', '--purge');
      expect(await host.dump()).toBe(before);
    } finally {
      await stage.close();
    }
  }, 180_000);

  it('says in its log nothing that OVN could not make sense of', async () => {
    expect(await readFile(join(host.ovs.directory, 'ovn-controller.log'), 'utf8')).not.toContain(
      'error parsing',
    );
  });
});
