import { existsSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests } from '../../lab/guest.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Of Debian's passwd: nobody. */
const NOBODY = 65534;

describe.skipIf(reason !== undefined)('a real machine on the uplink itself', () => {
  const signal = AbortSignal.timeout(115_000);
  const topology = topologyOf(PROJECT, [{ name: 'lan', mode: 'bridge', uplink: 'default' }], {
    vm: [{ network: 'lan', antiSpoofing: false, options: { attach: 'macvtap', owner: 'nobody' } }],
  });
  const nic = topology.machines[0]!.nics[0]!;
  const network = topology.networks[0]!;
  let lab: NamespaceLab;
  let engine: Engine;
  let guest: Guest;
  let node = '';
  let before: string;

  beforeAll(async () => {
    await buildMicroGuest(signal);
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host, peers: [] });
    before = lab.dump();
    // The LAN's own DHCP server.
    const options = ['interface=lan0', 'port=0', 'no-ping', 'user=root', 'keep-in-foreground'];
    const range = [`dhcp-host=${nic.mac},192.0.2.77`, 'dhcp-range=192.0.2.100,192.0.2.120,1h'];
    const words = [...options, ...range, 'leasefile-ro'].map((option) => `--${option}`);
    lab.background(lab.router, ['dnsmasq', '--conf-file=/dev/null', ...words]);
    expect(engine.check(topology)).toEqual([]);
    expect(await engine.preflight(topology, signal)).toEqual([]);
    await converge(engine, topology);
    const [opened] = engine.descriptors?.(nic) ?? [];
    node = opened?.path ?? '';
    const within = ['ip', 'netns', 'exec', lab.host, 'sh', '-c', `exec "$@" ${opened?.fd}<>${node}`, 'sh'];
    guest = await startGuest(
      { name: 'vm', nics: [[...engine.netdev(nic, network, topology)]], programs: ['iperf3'], within },
      signal,
    );
    await guest.ready();
  });
  afterAll(async () => {
    await stopAllGuests();
    try {
      await converge(engine, undefined);
      expect(existsSync(node)).toBe(false);
      expect(lab.dump()).toBe(before);
    } finally {
      await lab.close();
    }
  });

  it('has a node that belongs to its owner, and nothing left to do', async () => {
    const { uid, mode } = statSync(node);
    expect([uid, mode & 0o777]).toEqual([NOBODY, 0o600]);
    expect((await planFor(engine, topology)).steps).toEqual([]);
    // A node that somebody took away is put back.
    lab.must(lab.host, `rm ${node}`);
    expect((await planFor(engine, topology)).steps).toHaveLength(1);
    await converge(engine, topology);
    expect(statSync(node).uid).toBe(NOBODY);
  });

  it('is on the LAN, while the host keeps its NIC as it is', async () => {
    expect(await guest.must('ip -4 -o address show dev eth0')).toContain('192.0.2.77/24');
    await guest.must('ping -c 2 -W 2 203.0.113.9');
    expect(lab.pings(lab.outside, '192.0.2.77')).toBe(true);
    lab.background(lab.outside, ['iperf3', '-s']);
    const out = await guest.must('sleep 0.5; iperf3 --client 203.0.113.9 --bytes 4M --json');
    const { end } = JSON.parse(out) as { end: { sum_sent: { bytes: number } } };
    expect(end.sum_sent.bytes).toBeGreaterThan(4e6);
    expect(lab.pings(lab.host, '203.0.113.9')).toBe(true);
    expect(lab.must(lab.host, 'ip link show lan0')).not.toContain('master');
    const { ports } = await engine.status(signal);
    expect(ports.map((port) => `${port.nic} ${port.network} ${port.connected}`)).toEqual(['vm/0 lan true']);
  });

  it('is out of reach of the host, as macvtap is', async () => {
    expect(lab.pings(lab.host, '192.0.2.77')).toBe(false);
  });
});

it('is refused where it cannot be', () => {
  const engine = createLinuxEngine({
    project: PROJECT,
    places: { runDir: '/nowhere', stateDir: '/nowhere' },
  });
  const codes = (mode: 'nat' | 'bridge', ...nics: Readonly<Record<string, unknown>>[]): string[] =>
    engine
      .check(
        topologyOf(PROJECT, [{ name: 'lan', mode, net: '10.77.1' }], {
          vm: nics.map((options) => ({ network: 'lan', antiSpoofing: false, options })),
        }),
      )
      .map(({ code }) => code);
  expect(codes('bridge', { attach: 'macvtap' })).toEqual([]);
  expect(codes('nat', { attach: 'macvtap' })).toEqual(['linux/macvtap-not-here']);
  expect(codes('bridge', { attach: 'macvtap' }, {})).toEqual(['linux/macvtap-not-here']);
  expect(codes('bridge', { attach: 'macvtap', queues: 2 })).toEqual(['linux/macvtap-not-here']);
});
