import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { subjectOf } from '../../../src/plan/resource.js';
import { PasserelleError } from '../../../src/errors.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';
import { LAN } from './uplink-topology.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const LOADER = new URL('../../lab/typescript-loader.mjs', import.meta.url).pathname;
const CHILD = new URL('uplink-child.ts', import.meta.url).pathname;
const web1 = machine('web1');
const nat1 = machine('nat1');
const LIMIT_MS = 4000;

describe.skipIf(reason !== undefined)('a bridge with the host’s own NIC in it', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  let before: string;

  beforeEach(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine(
      { project: PROJECT, places: lab.places },
      { namespace: lab.host, commitLimitMs: LIMIT_MS, peers: ['203.0.113.9'] },
    );
    // Something of every kind that has to move: a second address, a route by a neighbour, another table.
    for (const line of [
      'ip address add 192.0.2.20/24 dev lan0',
      'ip route add 198.51.100.0/24 via 192.0.2.1 metric 7',
      'ip route add 198.51.101.0/24 via 192.0.2.1 table 77',
      'ip -6 route add 2001:db8:99::/48 via 2001:db8:2::1',
      'ping -c 1 -W 1 192.0.2.1',
    ]) {
      lab.must(lab.host, line);
    }
    await sleep(300);
    before = lab.dump();
  });
  afterEach(async () => {
    try {
      await converge(engine, undefined);
      expect(lab.dump()).toBe(before);
    } finally {
      await lab.close();
    }
  });

  /** The router answers the probe before the change and none after it, as a LAN does that takes no second MAC on a port. */
  function silenceAfterFirstProbe(): void {
    for (const line of [
      'nft add table ip mute',
      "nft 'add chain ip mute c { type filter hook input priority 0 ; }'",
      'nft add rule ip mute c icmp type echo-request limit rate over 1/day burst 1 packets drop',
    ]) {
      lab.must(lab.router, line);
    }
  }

  it('moves the host over without a cut, and machines appear on the LAN', async () => {
    await lab.answerOn(lab.host, [7001]);
    lab.background(lab.host, ['iperf3', '-s']);
    await sleep(300);
    const transfer = lab.background(lab.outside, ['iperf3', '-c', '192.0.2.2', '-t', '3']);
    const ended = new Promise((resolve) => transfer.once('exit', resolve));
    await sleep(500);
    await converge(engine, LAN);
    expect(await ended).toBe(0);
    expect((await planFor(engine, LAN)).steps).toEqual([]);

    const bridge = LAN.networks[0]?.interfaceName ?? '';
    const addresses = lab.must(lab.host, `ip -br address show dev ${bridge}`);
    for (const address of ['192.0.2.2/24', '192.0.2.20/24', '2001:db8:2::2/64'])
      expect(addresses).toContain(address);
    expect(lab.must(lab.host, 'ip route show table 77')).toContain(
      `198.51.101.0/24 via 192.0.2.1 dev ${bridge}`,
    );
    expect(lab.pings(lab.host, '2001:db8:9::9')).toBe(true);
    expect(lab.ask(lab.outside, '192.0.2.2', 7001)).toBe('203.0.113.9');
    expect(lab.pings(nat1, '203.0.113.9')).toBe(true);

    // The LAN's own DHCP server, and a physical server's view of things.
    const config = `${lab.places.runDir}/lan.conf`;
    mkdirSync(dirname(config), { recursive: true });
    writeFileSync(
      config,
      `interface=lan0\nport=0\nno-ping\nkeep-in-foreground\nuser=root\ndhcp-range=192.0.2.100,192.0.2.120,1h\ndhcp-leasefile=${lab.places.runDir}/lan.leases\n`,
    );
    const server = lab.background(lab.router, ['dnsmasq', `--conf-file=${config}`]);
    await sleep(300);
    const report = lab.must(web1, 'busybox udhcpc -i eth0 -n -q -f -t 5 -T 1 -s /bin/true 2>&1');
    const address = /lease of (192\.0\.2\.\d+) obtained from 192\.0\.2\.1/.exec(report)?.[1];
    expect(address).toBeDefined();
    lab.must(web1, `ip address add ${address}/24 dev eth0; ip route add default via 192.0.2.1`);
    expect(lab.pings(web1, '203.0.113.9')).toBe(true);
    expect(lab.pings(lab.outside, address ?? '')).toBe(true);
    expect(lab.pings(lab.host, address ?? '')).toBe(true);
    await lab.answerOn(web1, [7002]);
    expect(lab.ask(lab.outside, address ?? '', 7002)).toBe('203.0.113.9');
    server.kill('SIGTERM');
  });

  it('reverts by itself when the gateway does not answer any more', async () => {
    silenceAfterFirstProbe();
    const failure: unknown = await converge(engine, LAN).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PasserelleError);
    expect((failure as PasserelleError).message).toContain('192.0.2.1 did not answer any more');
    expect((failure as PasserelleError).problems.map(({ code }) => code)).toEqual([
      'linux/uplink-reverted',
      'apply/reverted',
    ]);
    expect(lab.dump()).toBe(before);
  });

  it('reverts when an address of the file does not answer any more, though the gateway does', async () => {
    const probing = topologyOf(
      PROJECT,
      [{ name: 'lan', mode: 'bridge', uplink: 'default', options: { probes: ['198.51.100.53'] } }],
      {},
    );
    lab.must(lab.router, 'ip address add 198.51.100.53/32 dev lo');
    for (const line of [
      'nft add table ip mute',
      "nft 'add chain ip mute c { type filter hook input priority 0 ; }'",
      'nft add rule ip mute c ip daddr 198.51.100.53 icmp type echo-request limit rate over 1/day burst 1 packets drop',
    ]) {
      lab.must(lab.router, line);
    }
    const failure: unknown = await converge(engine, probing).catch((error: unknown) => error);
    expect((failure as PasserelleError).message).toContain('198.51.100.53 did not answer any more');
    expect(lab.dump()).toBe(before);
  });

  it('takes other probes without touching the NIC', async () => {
    await converge(engine, LAN);
    const [lan, ...others] = LAN.networks;
    const edited = { ...LAN, networks: [{ ...lan!, options: { probes: ['192.0.2.1'] } }, ...others] };
    const plan = await planFor(engine, edited);
    expect(plan.steps.map(({ change, impact }) => `${subjectOf(change).id} ${impact}`)).toEqual([
      'linux/uplink/lan live',
    ]);
    const standing = lab.must(lab.host, 'ip -o address show; ip route show table all');
    await converge(engine, edited);
    expect((await planFor(engine, edited)).steps).toEqual([]);
    expect(lab.must(lab.host, 'ip -o address show; ip route show table all')).toBe(standing);
  });

  it('stays when the person commits, whatever the probes say', async () => {
    silenceAfterFirstProbe();
    const done = converge(engine, LAN);
    let committed: string[] = [];
    for (let attempt = 0; attempt < 100 && committed.length === 0; attempt++) {
      await sleep(50);
      committed = (await engine.commit?.()) ?? [];
    }
    expect(committed).toEqual(['lan']);
    await done;
    await sleep(LIMIT_MS + 500);
    expect((await planFor(engine, LAN)).steps).toEqual([]);
  });

  const isBridged = (): boolean => lab.must(lab.host, 'ip link show lan0').includes('master');

  /** Starts `up` in a process of its own, and kills that while it waits for somebody to answer. */
  async function killWhileWaiting(): Promise<void> {
    silenceAfterFirstProbe();
    const words = ['--import', LOADER, CHILD, lab.host, lab.places.runDir, lab.places.stateDir];
    const env = { ...process.env, PSL_LAB_PROJECT: PROJECT };
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'], env });
    while (!isBridged()) await sleep(50);
    child.kill('SIGKILL');
    expect(lab.must(lab.host, 'ip -br address show dev lan0')).not.toContain('192.0.2.2/24');
  }

  it('reverts after the death of the command that made the change', async () => {
    await killWhileWaiting();
    await sleep(LIMIT_MS + 1500);
    expect(isBridged()).toBe(false);
    expect(lab.must(lab.host, 'ip -br address show dev lan0')).toContain('192.0.2.2/24');
    expect(lab.must(lab.host, 'ip route show default')).toContain('via 192.0.2.1 dev lan0');
    await converge(engine, undefined);
    expect(existsSync(join(lab.places.runDir, 'linux'))).toBe(false);
  });

  it('is taken over by the next command, if that comes in time', async () => {
    await killWhileWaiting();
    lab.must(lab.router, 'nft delete table ip mute');
    const plan = await planFor(engine, LAN);
    expect(plan.steps.map(({ change }) => subjectOf(change).id)).toContain('linux/uplink/lan');
    expect((await engine.status(AbortSignal.timeout(5000))).notes.join()).toContain('passerelle commit');
    await converge(engine, LAN);
    await sleep(LIMIT_MS + 1000);
    expect(isBridged()).toBe(true);
    expect((await planFor(engine, LAN)).steps).toEqual([]);
  });

  it('keeps an address that came by DHCP, and says who has to renew it', async () => {
    lab.must(lab.host, 'ip address change 192.0.2.20/24 dev lan0 valid_lft 600 preferred_lft 600');
    await converge(engine, LAN);
    const bridge = LAN.networks[0]?.interfaceName ?? '';
    expect(lab.must(lab.host, `ip address show dev ${bridge} to 192.0.2.20`)).toContain('valid_lft forever');
    const { notes } = await engine.status(AbortSignal.timeout(5000));
    expect(notes.join('\n')).toContain('192.0.2.20 came by DHCP');
    // As it is now, for ever, is how it will be left.
    before = before.replace(
      '192.0.2.20/24 scope global secondary dynamic',
      '192.0.2.20/24 scope global secondary',
    );
  });

  it('refuses what cannot be an uplink, and says what works instead', async () => {
    const signal = AbortSignal.timeout(5000);
    const wanting = (uplink: string): ReturnType<typeof topologyOf> =>
      topologyOf(PROJECT, [{ name: 'lan', mode: 'bridge', uplink }], {});
    expect(await engine.preflight(wanting('default'), signal)).toEqual([]);
    expect((await engine.preflight(wanting('eth7'), signal)).map(({ code }) => code)).toEqual([
      'linux/no-such-uplink',
    ]);
    expect((await engine.preflight(wanting('lo'), signal))[0]?.message).toContain('loopback');
    lab.must(
      lab.host,
      'ip link add br7 type bridge; ip link add v7 type veth peer name v8; ip link set v7 master br7',
    );
    expect((await engine.preflight(wanting('v7'), signal))[0]?.message).toContain('a port of br7 already');
    expect((await engine.preflight(wanting('br7'), signal))[0]?.message).toContain('it is a bridge');
    lab.must(lab.host, 'ip link del br7; ip link del v7');
  });
});
