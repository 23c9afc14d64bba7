import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import type { Plan } from '../../../src/plan/plan.js';
import { subjectOf } from '../../../src/plan/resource.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Resources that say what for; the shell commands do the same without writing it down. */
const HOST_KINDS = ['uplink-forwarding', 'bridge-netfilter', 'admission', 'answered-address'];
const PUBLIC = '192.0.2.70';
const PUBLIC_IPV6 = '2001:db8:2::70';

describe.skipIf(reason !== undefined)('the commands that the plan prints', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const networks = [
    { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::' },
    { name: 'back', mode: 'isolated', net: '10.77.3', dhcp: true, dns: true },
    { name: 'lan', mode: 'bridge', uplink: 'lan0' },
  ] as const;
  const topology = topologyOf(
    PROJECT,
    networks,
    {
      web1: [
        {
          network: 'web',
          host: 11,
          options: { attach: 'netns', 'public-ipv4': PUBLIC, 'public-ipv6': PUBLIC_IPV6 },
        },
        { network: 'back', host: 11 },
      ],
      vm1: [{ network: 'web', host: 12, options: { owner: 'nobody', queues: 2 } }],
    },
    [
      { listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 9090 },
      { listen: '0.0.0.0', ports: [9100, 9109], to: 'web1', targetPort: 9100 },
    ],
  );
  const changed = topologyOf(
    PROJECT,
    [{ ...networks[0], mtuBytes: 1400 }, networks[1], networks[2]],
    {
      web1: [
        { network: 'web', host: 21, options: { attach: 'netns', 'public-ipv4': PUBLIC } },
        { network: 'back', host: 11 },
      ],
    },
    [{ listen: '0.0.0.0', ports: [9011, 9012], to: 'web1', targetPort: 9090, fixed: true }],
  );

  beforeAll(() => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  function typeAll(plan: Plan): void {
    const lines = plan.steps.flatMap(({ change }) => engine.commandsFor(change));
    execFileSync('nsenter', [`--net=/run/netns/${lab.host}`, 'sh', '-e'], {
      input: `${lines.join('\n')}\n`,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  }

  async function leftToDo(wanted: typeof topology | undefined): Promise<string[]> {
    const { steps } = await planFor(engine, wanted);
    return steps
      .map(({ change }) => subjectOf(change))
      .filter(({ kind }) => !HOST_KINDS.includes(kind))
      .map(({ id }) => id);
  }

  it('make the networks when typed', async () => {
    typeAll(await planFor(engine, topology));
    expect(await leftToDo(topology)).toEqual([]);
    const web1 = machine('web1');
    expect(lab.pings(web1, '203.0.113.9')).toBe(true);
    expect(lab.pings(web1, '2001:db8:9::9')).toBe(true);
  });

  it('bring public addresses here, and let them go', async () => {
    const answered = engine.desire(topology).filter(({ kind }) => kind === 'answered-address');
    expect(answered.length).toBe(2);
    const reached = (): boolean[] => [PUBLIC, PUBLIC_IPV6].map((address) => lab.pings(lab.outside, address));
    expect(reached()).toEqual([true, true]);
    const type = (lines: readonly string[]): string =>
      lab.must(lab.host, lines.map((line) => `${line} >/dev/null 2>&1`).join('\n'));
    type(answered.flatMap((before) => engine.commandsFor({ action: 'delete', before })));
    expect(
      lab.must(
        lab.host,
        'for family in 4 6; do ip -$family neigh show proxy; ip -$family route show proto 80; done',
      ),
    ).toBe('');
    lab.must(lab.router, 'ip neigh flush dev lan0');
    expect(reached()).toEqual([false, false]);
    type(answered.flatMap((after) => engine.commandsFor({ action: 'create', after })));
    // The kernel answers for others in its own time (proxy_delay).
    await expect.poll(reached, { timeout: 10_000 }).toEqual([true, true]);
  });

  it('change them', async () => {
    typeAll(await planFor(engine, changed));
    expect(await leftToDo(changed)).toEqual([]);
  });

  it('and take them away', async () => {
    typeAll(await planFor(engine, undefined));
    expect(await leftToDo(undefined)).toEqual([]);
    expect(lab.pings(lab.host, '203.0.113.9')).toBe(true);
    expect(lab.must(lab.host, 'nft list tables; ip -br link')).not.toMatch(/passerelle|psl[0-9a-f]|pslt/);
  });
});
