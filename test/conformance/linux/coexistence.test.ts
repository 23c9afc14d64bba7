import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { RealFirewall, whyNoOverlay } from './real-firewall.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const noOverlay = reason ?? whyNoOverlay();
if (noOverlay !== reason) console.log(`ufw and firewalld themselves are skipped: ${noOverlay}`);

const web1 = machine('web1');
const web2 = machine('web2');
const db1 = machine('db1');

/** Other firewalls as they load their rules: everything at once, whatever stood before in their own tables. */
const FIREWALLS = {
  'Docker, FORWARD policy drop': `
    table ip filter
    delete table ip filter
    table ip filter {
      chain FORWARD { type filter hook forward priority 0; policy drop; iifname "docker0" accept; }
      chain DOCKER { ip daddr 172.17.0.2 tcp dport 80 accept; }
    }`,
  'ufw, INPUT and FORWARD policy drop': `
    table ip filter
    delete table ip filter
    table ip6 filter
    delete table ip6 filter
    table ip filter {
      chain INPUT { type filter hook input priority 0; policy drop; iifname "lo" accept; ct state established,related accept; }
      chain FORWARD { type filter hook forward priority 0; policy drop; ct state established,related accept; }
    }
    table ip6 filter {
      chain INPUT { type filter hook input priority 0; policy drop; iifname "lo" accept; iifname "lan0" meta l4proto ipv6-icmp accept; ct state established,related accept; }
      chain FORWARD { type filter hook forward priority 0; policy drop; }
    }`,
  'firewalld, a closing reject': `
    table inet firewalld
    delete table inet firewalld
    table inet firewalld {
      chain filter_INPUT { type filter hook input priority 10; policy accept; ct state established,related accept; iifname "lo" accept; iifname "lan0" meta l4proto ipv6-icmp accept; reject with icmpx admin-prohibited; }
      chain filter_FORWARD { type filter hook forward priority 10; policy accept; ct state established,related accept; reject with icmpx admin-prohibited; }
    }`,
} as const;

/** A firewall on the host of the lab. */
interface Other {
  readonly load: () => Promise<void> | void;
  /** As its own reload does it. */
  readonly reload: () => void;
  /** The reload takes what is not its own out of its chains. */
  readonly sweeps: boolean;
}

describe.skipIf(reason !== undefined)('beside other firewalls', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const topology = topologyOf(
    PROJECT,
    [
      { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::' },
      { name: 'back', mode: 'isolated', net: '10.77.3' },
    ],
    {
      web1: [{ network: 'web', host: 11 }],
      web2: [
        { network: 'web', host: 12 },
        { network: 'back', host: 12 },
      ],
      db1: [{ network: 'back', host: 11 }],
    },
    [{ listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 9090 }],
  );

  beforeEach(() => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    // Docker, for one, needs it so.
    lab.must(
      lab.host,
      'sysctl -qw -e net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1',
    );
  });
  afterEach(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  function load(rules: string): void {
    const lines = rules.replaceAll(/[{};]/g, (sign) => `${sign}\n`).replaceAll(/^\s*;$/gm, '');
    execFileSync('ip', ['netns', 'exec', lab.host, 'nft', '-f', '-'], { input: lines });
  }

  function expectEverythingWorks(): void {
    expect(lab.pings(web1, '203.0.113.9'), 'out').toBe(true);
    expect(lab.pings(web1, '2001:db8:9::9'), 'out, IPv6').toBe(true);
    expect(lab.pings(web1, '10.77.1.1'), 'gateway').toBe(true);
    expect(lab.pings(web1, '10.77.1.12'), 'neighbour').toBe(true);
    expect(lab.pings(db1, '10.77.3.12'), 'isolated neighbour').toBe(true);
    expect(lab.pings(db1, '10.77.1.1'), 'isolated').toBe(false);
    expect(lab.ask(lab.outside, '192.0.2.2', 9011), 'forward').toBe('203.0.113.9');
    expect(lab.ask(web2, '192.0.2.2', 9011), 'forward from a neighbour').toBe('10.77.1.1');
    expect(lab.say(web1, 'busybox udhcpc -i eth0 -n -q -f -t 3 -T 1 -s /bin/true 2>&1').text).toContain(
      'lease of',
    );
    expect(lab.say(web1, `busybox nslookup web2.${PROJECT}.internal 10.77.1.1`).text).toContain('10.77.1.12');
    expect(lab.say(lab.outside, 'ip route replace 10.77.1.0/24 via 203.0.113.1').ok).toBe(true);
    expect(lab.pings(lab.outside, '10.77.1.11'), 'in').toBe(false);
  }

  async function livesWith({ load: begin, reload, sweeps }: Other): Promise<void> {
    await begin();
    reload();
    const dump = (): string => lab.dump().replaceAll(/counter packets \d+ bytes \d+/gu, 'counter');
    const before = dump();
    await converge(engine, topology);
    expect((await planFor(engine, topology)).steps).toEqual([]);
    await lab.answerOn(web1, [9090]);
    expectEverythingWorks();
    const { notes } = await engine.status(AbortSignal.timeout(5000));
    expect(notes.join('\n')).toMatch(/accepts of ours/);

    reload();
    expect(lab.pings(web1, '203.0.113.9')).toBe(!sweeps);
    const repair = await converge(engine, topology);
    const repaired = repair.steps.map(({ change }) => (change.action === 'delete' ? '' : change.after.kind));
    expect(new Set(repaired)).toEqual(new Set(sweeps ? ['admission'] : []));
    expectEverythingWorks();

    await converge(engine, undefined);
    expect(dump()).toBe(before);
  }

  for (const [name, rules] of Object.entries(FIREWALLS)) {
    it(
      `lives with ${name}: before, after a reload, and is gone without a trace`,
      {
        timeout: 180_000,
      },
      () => livesWith({ load: () => load(rules), reload: () => load(rules), sweeps: true }),
    );
  }

  it.skipIf(noOverlay !== undefined)('lives with ufw itself', { timeout: 180_000 }, async () => {
    const firewall = new RealFirewall(lab.host);
    try {
      await livesWith({
        load: () => firewall.startUfw(),
        reload: () => firewall.reloadUfw(),
        // It refills its own chains, and leaves alone what stands before them.
        sweeps: false,
      });
    } finally {
      await firewall.stop();
    }
  });

  it.skipIf(noOverlay !== undefined)('lives with firewalld itself', { timeout: 180_000 }, async () => {
    const firewall = new RealFirewall(lab.host);
    try {
      await livesWith({
        load: () => firewall.startFirewalld(),
        reload: () => firewall.reloadFirewalld(),
        sweeps: true,
      });
    } finally {
      await firewall.stop();
    }
  });

  it('comes back after somebody flushed every rule, and when the other firewall comes and goes later', async () => {
    const before = lab.dump();
    await converge(engine, topology);
    await lab.answerOn(web1, [9090]);
    expectEverythingWorks();
    lab.must(lab.host, 'nft flush ruleset');
    await converge(engine, topology);
    expectEverythingWorks();

    load(FIREWALLS['Docker, FORWARD policy drop']);
    lab.must(lab.host, 'sysctl -qw -e net.bridge.bridge-nf-call-iptables=1');
    await converge(engine, topology);
    expectEverythingWorks();
    lab.must(lab.host, 'nft delete table ip filter');
    await converge(engine, topology);
    expect((await planFor(engine, topology)).steps).toEqual([]);
    expectEverythingWorks();
    await converge(engine, undefined);
    expect(lab.dump()).toBe(before);
  });
});
