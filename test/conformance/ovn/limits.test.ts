import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineProject } from '../engine-project.js';
import { nic, topology } from '../ovs/topologies.js';
import { lackingForOvn, OvnHost } from './ovn-host.js';
import { namespaceOf, openProject, ovnNetwork } from './project.js';

const lacking = lackingForOvn();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovnlimits';

describe.skipIf(lacking !== undefined)('rate limits of the ovn engine', () => {
  const lab = ovnNetwork(PROJECT, 'lab', 'isolated', {
    ipv4: { address: '10.65.0.0', prefixLength: 24, gateway: '10.65.0.1' },
  });
  const inside = { attach: 'netns' };
  const free = nic(PROJECT, 'free', 0, lab, { ipv4: '10.65.0.11', options: inside });
  const slow = nic(PROJECT, 'slow', 0, lab, {
    ipv4: '10.65.0.12',
    options: { ...inside, 'rate-limit': '20mbit', 'rate-limit-in': '40mbit' },
  });
  const wanted = topology(PROJECT, [lab], [free, slow]);
  let host: OvnHost;
  let project: EngineProject;

  beforeAll(async () => {
    host = await OvnHost.start();
    project = await openProject(PROJECT, host);
    await project.up(wanted, signal());
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  /** Mbit/s of one TCP stream. */
  async function rate(from: 'free' | 'slow', to: 'free' | 'slow'): Promise<number> {
    const address = to === 'free' ? free.ipv4 : slow.ipv4;
    const server = host.run('ip', 'netns', 'exec', namespaceOf(wanted, to), 'iperf3', '-s', '-1');
    await sleep(300);
    const client = ['ip', 'netns', 'exec', namespaceOf(wanted, from), 'iperf3', '-J', '-t', '3', '-c'];
    const [program = '', ...words] = client;
    const report = JSON.parse(await host.run(program, ...words, address ?? '')) as {
      end: { sum_received: { bits_per_second: number } };
    };
    await server;
    return report.end.sum_received.bits_per_second / 1e6;
  }

  it('hold both ways, each its own', async () => {
    const sends = await rate('slow', 'free');
    const isSent = await rate('free', 'slow');
    expect(sends).toBeGreaterThan(14);
    expect(sends).toBeLessThan(22);
    expect(isSent).toBeGreaterThan(28);
    expect(isSent).toBeLessThan(44);
  });

  it('change live, and go', async () => {
    const wider = topology(
      PROJECT,
      [lab],
      [free, { ...slow, options: { ...inside, 'rate-limit': '60mbit' } }],
    );
    expect((await project.pending(wider, signal())).sort()).toEqual([
      'delete ovn/limit/slow/0/in',
      'update ovn/limit/slow/0/out',
    ]);
    await project.up(wider, signal());
    expect(await rate('slow', 'free')).toBeGreaterThan(30);
    expect(await rate('free', 'slow')).toBeGreaterThan(70);
  });
});
