/** A project moves from Open vSwitch to the kernel's bridge in one `up`, and back: names of its own are not taken. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engines/contract.js';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import { createOvsEngine } from '../../../src/engines/ovs/ovs-engine.js';
import { apply } from '../../../src/plan/apply.js';
import { makePlan, observeAll } from '../../../src/plan/plan.js';
import type { EngineName, Topology } from '../../../src/topology/topology.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { network, nic, subnets, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsmoves';

describe.skipIf(lacking !== undefined)('from ovs to linux and back', () => {
  let host: OvsHost;
  let directory: string;
  let engines: ReadonlyMap<string, Engine>;

  function on(engine: EngineName): Topology {
    const { ipv4, dhcp } = subnets(91);
    const web = { ...network(PROJECT, 'web', 'nat', { ipv4: ipv4!, dhcp: dhcp! }), engine };
    const nics = [
      nic(PROJECT, 'a', 0, web, { ipv4: '10.91.0.11' }),
      nic(PROJECT, 'b', 0, web, { ipv4: '10.91.0.12', options: { attach: 'netns' } }),
    ];
    return topology(PROJECT, [web], nics);
  }

  beforeAll(async () => {
    host = await OvsHost.start();
    directory = await mkdtemp(join(tmpdir(), 'psl-moves-'));
    const places = { runDir: join(directory, 'run'), stateDir: join(directory, 'state') };
    const context = { project: PROJECT, places };
    const all = [
      createOvsEngine(context, host.seenByEngine),
      createLinuxEngine(context, { namespace: host.namespace }),
    ];
    engines = new Map(all.map((engine) => [engine.name, engine]));
  });
  afterAll(async () => {
    if (engines !== undefined) await become(undefined).catch(() => undefined);
    await host?.[Symbol.asyncDispose]();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  /** What `up` does with all its engines: preflight, plan, apply, and a plan that is empty. */
  async function become(wanted: Topology | undefined): Promise<void> {
    const desired =
      wanted === undefined ? [] : [...engines.values()].flatMap((engine) => engine.desire(wanted));
    for (const engine of wanted === undefined ? [] : engines.values())
      expect(await engine.preflight(wanted!, signal()), engine.name).toEqual([]);
    const checkpoint = await observeAll(engines, signal());
    const plan = makePlan(PROJECT, desired, checkpoint, engines);
    await apply({ plan, desired, checkpoint, providers: engines, events: {}, signal: signal() });
    const left = makePlan(PROJECT, desired, await observeAll(engines, signal()), engines);
    expect(left.steps.map(({ change }) => change.action)).toEqual([]);
  }

  it.each(['ovs', 'linux', 'ovs'] as const)('stands on %s, and its gateway answers', async (engine) => {
    await become(on(engine));
    const namespaces = (await host.type('ls /run/netns')).split('\n');
    const inside = namespaces.find(
      (name) => name.startsWith(`passerelle:${PROJECT}:`) && name.endsWith('machine:b'),
    );
    await host.run('ip', 'netns', 'exec', inside!, 'ping', '-c', '1', '-W', '2', '10.91.0.1');
    expect((await host.run('ovs-vsctl', 'list-br')) === '').toBe(engine === 'linux');
  });

  it('a name that somebody else has is refused by both', async () => {
    await become(undefined);
    const { interfaceName } = on('ovs').networks[0]!;
    await host.type(`ip tuntap add dev ${interfaceName} mode tap`);
    for (const engine of engines.values()) {
      const problems = await engine.preflight(on(engine.name), signal());
      expect(problems.map(({ code }) => code)).toEqual([`${engine.name}/interface-name-taken`]);
    }
    await host.type(`ip link delete ${interfaceName}`);
  });
});
