/** An uplink whose addresses the LAN gives: by DHCP, with a client of the host's that renews, and by advertisements. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { LAN } from './uplink-topology.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const BRIDGE = LAN.networks.find(({ name }) => name === 'lan')?.interfaceName ?? '';
const ADDRESS = '192.0.2.77';

describe.skipIf(reason !== undefined)('an uplink that the LAN gives its addresses', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  let directory: string;

  beforeEach(() => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host, peers: [] });
    directory = lab.places.runDir.replace(/\/run\/.*/, '');
    mkdirSync(directory, { recursive: true });
    const mac = /ether (\S+)/.exec(lab.must(lab.host, 'ip link show lan0'))?.[1] ?? '';
    const lines = [
      'interface=lan0',
      'port=0',
      'no-ping',
      'keep-in-foreground',
      'user=root',
      `dhcp-range=192.0.2.100,192.0.2.120,2m`,
      `dhcp-host=${mac},${ADDRESS},2m`,
      `dhcp-leasefile=${directory}/lan.leases`,
    ];
    writeFileSync(`${directory}/lan.conf`, `${lines.join('\n')}\n`);
  });
  afterEach(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  /** @param more lines of the server's configuration. */
  function serveLan(...more: string[]): void {
    appendFileSync(`${directory}/lan.conf`, more.map((line) => `${line}\n`).join(''));
    lab.background(lab.router, ['dnsmasq', `--conf-file=${directory}/lan.conf`]);
  }

  async function until(what: () => boolean, limitMs = 15_000): Promise<void> {
    const deadlineMs = Date.now() + limitMs;
    while (!what()) {
      if (Date.now() > deadlineMs) throw new Error(`not within ${limitMs} ms: ${what.toString()}`);
      await sleep(100);
    }
  }

  const lifeSeconds = (device: string): number =>
    Number(
      /valid_lft (\d+)sec/.exec(lab.say(lab.host, `ip address show dev ${device} to ${ADDRESS}`).text)?.[1],
    );
  const stateOf = (pid: number): string =>
    /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
  const pidOf = (word: string): number =>
    Number(
      execFileSync('ip', ['netns', 'pids', lab.host], { encoding: 'utf8' })
        .split('\n')
        .filter(Boolean)
        .find((pid) => {
          const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
          return words.includes(word) && words.includes('lan0');
        }),
    );

  /** As a host script does it: addresses and the gateway, with the lease's time. */
  const HOST_SCRIPT = `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address replace $ip/$subnet dev $interface valid_lft $lease preferred_lft $lease
ip route replace default via $router dev $interface
`;

  it('is renewed on the bridge by a client of the same kind, and by its own one afterwards', async () => {
    serveLan();
    lab.must(lab.host, 'ip address flush dev lan0 to 192.0.2.0/24');
    writeFileSync(`${directory}/host-script`, HOST_SCRIPT, { mode: 0o755 });
    lab.background(lab.host, ['busybox', 'udhcpc', '-f', '-i', 'lan0', '-s', `${directory}/host-script`]);
    await until(() => lifeSeconds('lan0') > 0);
    await until(() => lab.must(lab.host, 'ip route show default').includes('via 192.0.2.1'));
    const own = pidOf('udhcpc');
    await sleep(4000);
    const before = lab.dump();
    const leftSeconds = lifeSeconds('lan0');
    expect(leftSeconds).toBeLessThan(118);

    await converge(engine, LAN);
    expect(stateOf(own)).toBe('T');
    // The whole time of a lease again: the server was asked by way of the bridge.
    await until(() => lifeSeconds(BRIDGE) > leftSeconds);
    expect(lab.must(lab.host, `ip -4 -br address show dev ${BRIDGE}`)).toContain(`${ADDRESS}/24`);
    expect(lab.must(lab.host, 'ip -4 address show dev lan0')).toBe('');
    expect(lab.pings(lab.host, '203.0.113.9')).toBe(true);
    expect((await planFor(engine, LAN)).steps).toEqual([]);
    expect((await engine.status(AbortSignal.timeout(5000))).notes.join()).not.toContain('came by DHCP');

    await converge(engine, undefined);
    expect(stateOf(own)).not.toBe('T');
    expect(lifeSeconds('lan0')).toBeGreaterThan(0);
    expect(lab.dump()).toBe(before);
    expect(lab.pings(lab.host, '203.0.113.9')).toBe(true);
    // Its own client asks again when it is told to, and nobody else does.
    process.kill(own, 'SIGUSR1');
    await sleep(500);
    await until(() => lifeSeconds('lan0') >= 119);
    expect(execFileSync('ip', ['netns', 'pids', lab.host], { encoding: 'utf8' }).trim()).toBe(String(own));
  });

  it('keeps the address and the gateway that routers advertise', async () => {
    lab.must(lab.host, 'ip -6 route flush default; ip -6 address flush dev lan0 scope global');
    serveLan('enable-ra', 'dhcp-range=2001:db8:2::,ra-only', 'ra-param=lan0,4,600');
    const formed = (device: string): string =>
      lab.say(lab.host, `ip -6 -br address show dev ${device} scope global`).text;
    const gateway = (): string => lab.must(lab.host, 'ip -6 route show default');
    await until(() => formed('lan0').includes('2001:db8:2:') && gateway().includes('proto ra'));
    const address = /2001:db8:2:\S+/.exec(formed('lan0'))?.[0] ?? '';
    const before = lab.dump();

    await converge(engine, LAN);
    expect(formed(BRIDGE)).toContain(address);
    expect(gateway()).toContain(`dev ${BRIDGE} proto ra`);
    // The next advertisement reaches the bridge, and is heard there.
    await sleep(5000);
    expect(
      gateway()
        .trim()
        .split('\n')
        .filter((line) => line.includes('via fe80')),
    ).toHaveLength(1);
    expect(lab.pings(lab.host, '2001:db8:9::9')).toBe(true);
    expect(lab.must(lab.host, 'ip -6 route show dev lan0')).not.toContain('2001:db8:2::');
    expect(lab.pings(lab.host, '2001:db8:2::1')).toBe(true);
    expect((await planFor(engine, LAN)).steps).toEqual([]);
    expect((await engine.hostBridges?.(LAN, AbortSignal.timeout(5000)))?.[0]).toMatchObject({
      ipv6Auto: true,
    });

    await converge(engine, undefined);
    expect(lab.dump()).toBe(before);
    expect(lab.pings(lab.host, '2001:db8:9::9')).toBe(true);
  });
});
