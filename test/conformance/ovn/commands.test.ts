import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Change, subjectOf } from '../../../src/plan/resource.js';
import type { Topology } from '../../../src/topology/topology.js';
import type { EngineProject } from '../engine-project.js';
import { nic, subnets, topology } from '../ovs/topologies.js';
import { lackingForOvn, OvnHost } from './ovn-host.js';
import { openProject, ovnNetwork } from './project.js';

const lacking = lackingForOvn();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovntyped';
/** What is this engine's own; the gateway's commands are tried where the gateway is. */
const KINDS = new Set([
  'switch',
  'dhcp-options',
  'guard',
  'logical-port',
  'limit',
  'tap',
  'port',
  'host-port',
]);

describe.skipIf(lacking !== undefined)('commands of the ovn engine, typed', () => {
  let host: OvnHost;
  let project: EngineProject;

  beforeAll(async () => {
    host = await OvnHost.start();
    project = await openProject(PROJECT, host);
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  async function pending(wanted: Topology | undefined): Promise<Change[]> {
    const desired = wanted === undefined ? [] : project.engine.desire(wanted);
    const plan = await project.plan(desired, signal());
    return plan.steps.map((step) => step.change).filter((change) => KINDS.has(subjectOf(change).kind));
  }

  /** Types every command of the plan into one shell, as a person would paste them. */
  async function typeCommands(changes: readonly Change[]): Promise<void> {
    const lines = changes.flatMap((change) => project.engine.commandsFor(change));
    expect(lines.length).toBeGreaterThan(0);
    await host.type([...lines, 'ovn-nbctl --wait=hv sync'].join('\n'));
  }

  const lan = ovnNetwork(PROJECT, 'lan', 'bridge', { uplink: 'office', options: { vlan: 7 } });
  const web = ovnNetwork(PROJECT, 'web', 'nat', subnets(66));
  // Without a domain: what has a server has it in a namespace, which is the gateway's matter.
  const { ipv6: _none, ...ipv4Only } = subnets(67);
  const back = ovnNetwork(PROJECT, 'back', 'isolated', ipv4Only);
  const plain = nic(PROJECT, 'plain', 0, web, { ipv4: '10.66.0.11', ipv6: 'fd00:66::11' });
  const asked = nic(PROJECT, 'asked', 0, back, { ipv4: '10.67.0.11', options: { 'rate-limit': '10mbit' } });
  const guest = nic(PROJECT, 'guest', 0, lan, { antiSpoofing: false });

  it('make everything, change it, and take it away', async () => {
    const before = await host.dump();
    const first = topology(PROJECT, [back, lan, web], [plain, asked, guest]);
    await typeCommands(await pending(first));
    expect(await pending(first)).toEqual([]);

    const second = topology(
      PROJECT,
      [{ ...back, dhcp: { ...back.dhcp!, leaseSeconds: 60 } }, lan, web],
      [
        { ...plain, ipv4: '10.66.0.21', antiSpoofing: false },
        { ...asked, options: { 'rate-limit': '20mbit', 'rate-limit-in': '30mbit' } },
        { ...guest, antiSpoofing: true },
      ],
    );
    const changes = await pending(second);
    expect(new Set(changes.map((change) => change.action))).toEqual(new Set(['update', 'create', 'delete']));
    await typeCommands(changes);
    expect(await pending(second)).toEqual([]);

    await typeCommands(await pending(undefined));
    expect(await pending(undefined)).toEqual([]);
    expect(await host.dump()).toBe(before);
  });
});
