import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/plan/plan.js';
import { type Change, subjectOf } from '../../../src/plan/resource.js';
import type { Topology } from '../../../src/topology/topology.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, subnets, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovstyped';
/** What is this engine's own; the gateway's commands are tried where the gateway is. */
const KINDS = new Set(['bridge', 'tap', 'port', 'rules', 'uplink', 'tunnel']);

describe.skipIf(lacking !== undefined)('commands of the ovs engine, typed', () => {
  let host: OvsHost;
  let project: OvsProject;

  beforeAll(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    await host.type(
      'ip link add lan0 type dummy 2>/dev/null || ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip address add 198.51.100.1/24 dev lan0; ip route add default via 198.51.100.2',
    );
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  const isOwn = (change: Change) => KINDS.has(subjectOf(change).kind);

  async function pending(wanted: Topology | undefined): Promise<Change[]> {
    const desired = wanted === undefined ? [] : project.engine.desire(wanted);
    const plan: Plan = await project.plan(desired, signal());
    return plan.steps.map((step) => step.change).filter(isOwn);
  }

  /** Types every command of the plan into one shell, as a person would paste them. */
  async function typeCommands(changes: readonly Change[]): Promise<void> {
    const lines = changes.flatMap((change) => project.engine.commandsFor(change));
    expect(lines.length).toBeGreaterThan(0);
    await host.type(lines.join('\n'));
  }

  const office = network(PROJECT, 'office', 'bridge', { uplink: 'lan0' });
  const lab = network(PROJECT, 'lab', 'isolated', {
    ...subnets(61),
    options: { rstp: true },
    mtuBytes: 1400,
  });
  const plain = nic(PROJECT, 'plain', 0, lab, { ipv4: '10.61.0.11', ipv6: 'fd00:61::11' });
  const limited = nic(PROJECT, 'limited', 0, lab, {
    ipv4: '10.61.0.12',
    options: { vlan: 10, trunk: [20, 30], isolated: true, 'rate-limit': '10mbit', 'rate-limit-in': '20mbit' },
  });
  const stacked = nic(PROJECT, 'stacked', 0, lab, {
    antiSpoofing: false,
    options: { vlan: 100, qinq: true, trunk: [7] },
  });
  const guest = nic(PROJECT, 'guest', 0, office);
  const first = topology(PROJECT, [lab, office], [plain, limited, stacked, guest]);

  it('make everything, change it, and take it away', async () => {
    await typeCommands(await pending(first));
    expect(await pending(first)).toEqual([]);

    const second = topology(
      PROJECT,
      [{ ...lab, options: { rstp: false, 'multicast-snooping': true } }, office],
      [
        { ...plain, ipv4: '10.61.0.21' },
        { ...limited, options: { vlan: 11, 'rate-limit-in': '40mbit' } },
        { ...stacked, options: {} },
        guest,
      ],
    );
    const changes = await pending(second);
    expect(new Set(changes.map((change) => change.action))).toEqual(new Set(['update']));
    await typeCommands(changes);
    expect(await pending(second)).toEqual([]);

    await typeCommands(await pending(undefined));
    expect(await pending(undefined)).toEqual([]);
    expect(await host.run('ovs-vsctl', 'list-br')).toBe('');
    expect(await host.run('ip', 'route', 'show', 'default')).toContain('dev lan0');
  });
});
