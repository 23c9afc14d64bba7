import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Nic } from '../../../src/topology/topology.js';
import { arrivals, FramePort } from './frame-port.js';
import { note } from './frames.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsvlan';

describe.skipIf(lacking !== undefined)('VLANs and port isolation of the ovs engine', () => {
  const lab = network(PROJECT, 'lab', 'isolated');
  const inside = (options: Record<string, unknown>) => ({
    antiSpoofing: false,
    options: { attach: 'netns', ...options },
  });
  const nics = {
    red1: nic(PROJECT, 'red1', 0, lab, inside({ vlan: 10 })),
    red2: nic(PROJECT, 'red2', 0, lab, inside({ vlan: 10 })),
    blue: nic(PROJECT, 'blue', 0, lab, inside({ vlan: 20 })),
    trunk: nic(PROJECT, 'trunk', 0, lab, inside({ trunk: [10, 20] })),
    native: nic(PROJECT, 'native', 0, lab, inside({ vlan: 20, trunk: [10] })),
    tunnel1: nic(PROJECT, 'tunnel1', 0, lab, inside({ vlan: 100, qinq: true })),
    tunnel2: nic(PROJECT, 'tunnel2', 0, lab, inside({ vlan: 100, qinq: true, trunk: [7] })),
    alone1: nic(PROJECT, 'alone1', 0, lab, inside({ vlan: 30, isolated: true })),
    alone2: nic(PROJECT, 'alone2', 0, lab, inside({ vlan: 30, isolated: true })),
    server: nic(PROJECT, 'server', 0, lab, inside({ vlan: 30 })),
    watcher: nic(PROJECT, 'watcher', 0, lab, inside({})),
  };
  type Name = keyof typeof nics;
  const wanted = topology(PROJECT, [lab], Object.values(nics));
  let host: OvsHost;
  let project: OvsProject;
  const ports = new Map<Name, FramePort>();

  beforeAll(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    const refused = await project.engine.preflight(wanted, signal());
    expect(refused.map((problem) => problem.code)).toEqual(['ovs/vlan-limit', 'ovs/vlan-limit']);
    await host.type(refused[0]!.fix!);
    expect(await project.engine.preflight(wanted, signal())).toEqual([]);
    await project.up(wanted, signal());
    for (const [name, each] of Object.entries(nics) as [Name, Nic][]) {
      ports.set(
        name,
        await FramePort.open(`passerelle:${PROJECT}:ovs-machine:${each.machine}`, each.interfaceName),
      );
    }
  });
  afterAll(async () => {
    for (const port of ports.values()) await port[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  let count = 0;
  /** Tags with which the watcher, a trunk of all, reaches a machine, and those with which it arrives. */
  const reach: Record<Name, { sent: number[]; heard: number[] }> = {
    red1: { sent: [10], heard: [] },
    red2: { sent: [10], heard: [] },
    blue: { sent: [20], heard: [] },
    trunk: { sent: [10], heard: [10] },
    native: { sent: [20], heard: [] },
    tunnel1: { sent: [100, 7], heard: [7] },
    tunnel2: { sent: [100, 7], heard: [7] },
    alone1: { sent: [30], heard: [] },
    alone2: { sent: [30], heard: [] },
    server: { sent: [30], heard: [] },
    watcher: { sent: [], heard: [] },
  };
  const names = Object.keys(nics) as Name[];
  const waysToArrive = [[], [10], [20], [30], [100], [7], [100, 7], [10, 7]];

  /**
   * Broadcasts with the tags and tells with which tags each machine had it; one that is not named had nothing. What the
   * sender may say after it reaches the watcher, then what the watcher says reaches everybody: by then all is decided.
   */
  async function broadcast(
    from: Name,
    tags: readonly number[],
  ): Promise<Partial<Record<Name, readonly number[]>>> {
    const text = `broadcast ${count++} of ${from}`;
    const { mac } = nics[from];
    ports
      .get(from)!
      .send(note({ from: mac, tags }, text), note({ from: mac, tags: reach[from].heard }, `${text}, end`));
    await ports.get('watcher')!.expect(note({ from: mac, tags: reach[from].sent }, `${text}, end`));
    for (const name of names.filter((each) => each !== from && each !== 'watcher')) {
      const marker = `marker ${count} for ${name}`;
      ports.get('watcher')!.send(note({ from: nics.watcher.mac, tags: reach[name].sent }, marker));
      await ports.get(name)!.expect(note({ from: nics.watcher.mac, tags: reach[name].heard }, marker));
    }
    return Object.fromEntries(
      names.flatMap((name) => {
        const way = waysToArrive.find((each) => ports.get(name)!.has(note({ from: mac, tags: each }, text)));
        return name === from || way === undefined ? [] : [[name, way]];
      }),
    );
  }

  it('access: untagged, within the VLAN only; trunks see it tagged', async () => {
    expect(await broadcast('red1', [])).toEqual({ red2: [], trunk: [10], native: [10], watcher: [10] });
    expect(await broadcast('blue', [])).toEqual({ trunk: [20], native: [], watcher: [20] });
  });

  it('access: a tagged frame is refused', async () => {
    expect(await broadcast('red1', [20])).toEqual({});
  });

  it('trunk: its VLANs, each to those who have it; others are refused', async () => {
    expect(await broadcast('trunk', [10])).toEqual({ red1: [], red2: [], native: [10], watcher: [10] });
    expect(await broadcast('trunk', [20])).toEqual({ blue: [], native: [], watcher: [20] });
    expect(await broadcast('trunk', [30])).toEqual({});
  });

  it('native: untagged is its VLAN', async () => {
    expect(await broadcast('native', [])).toEqual({ blue: [], trunk: [20], watcher: [20] });
    expect(await broadcast('native', [10])).toEqual({ red1: [], red2: [], trunk: [10], watcher: [10] });
  });

  it('isolated ports reach the others, and not each other', async () => {
    expect(await broadcast('alone1', [])).toEqual({ server: [], watcher: [30] });
    expect(await broadcast('server', [])).toEqual({ alone1: [], alone2: [], watcher: [30] });
  });

  it('QinQ: the VLANs of a customer travel in one of ours', async () => {
    const customer = note({ from: nics.tunnel1.mac, tags: [7] }, 'customer');
    const marker = note({ from: nics.tunnel1.mac, tags: [7] }, 'end');
    const [came] = await arrivals(ports.get('tunnel1')!, ports.get('tunnel2')!, marker, [customer]);
    expect(came).toBe(true);
    // The outer tag is a service tag (IEEE 802.1ad): 0x88a8, VLAN 100.
    const stacked = note({ from: nics.tunnel1.mac, tags: [100, 7] }, 'customer');
    stacked.writeUInt16BE(0x88a8, 12);
    await ports.get('watcher')!.expect(stacked);
    expect(names.filter((name) => ports.get(name)!.has(customer))).toEqual(['tunnel2']);
  });

  it('a network with a VLAN is tagged on its uplink and nowhere else', async () => {
    await host.type('ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up');
    const office = network(PROJECT, 'office', 'bridge', { uplink: 'lan0', options: { vlan: 42 } });
    const desk = nic(PROJECT, 'desk', 0, office, inside({}));
    await project.up(topology(PROJECT, [lab, office], [...Object.values(nics), desk]), signal());
    await using there = await FramePort.open(host.namespace, 'lan1');
    await using here = await FramePort.open(`passerelle:${PROJECT}:ovs-machine:desk`, desk.interfaceName);
    here.send(note({ from: desk.mac }, 'outwards'));
    await there.expect(note({ from: desk.mac, tags: [42] }, 'outwards'));
    there.send(
      note({ from: '52:54:00:00:00:99' }, 'untagged'),
      note({ from: '52:54:00:00:00:99', tags: [42] }, 'inwards'),
    );
    await here.expect(note({ from: '52:54:00:00:00:99' }, 'inwards'));
    expect(here.has(note({ from: '52:54:00:00:00:99' }, 'untagged'))).toBe(false);
    await project.up(wanted, signal());
  });

  it('changes a VLAN live', async () => {
    const moved = { ...nics.red2, options: { ...nics.red2.options, vlan: 20 } };
    const plan = await project.plan(
      project.engine.desire(
        topology(PROJECT, [lab], [...Object.values(nics).filter((each) => each !== nics.red2), moved]),
      ),
      signal(),
    );
    expect(plan.steps.map((step) => [step.change.action, step.impact, step.affects])).toEqual([
      ['update', 'live', ['red2']],
    ]);
    await project.up(
      topology(PROJECT, [lab], [...Object.values(nics).filter((each) => each !== nics.red2), moved]),
      signal(),
    );
    const marker = note({ from: nics.blue.mac }, 'live marker');
    const [came] = await arrivals(ports.get('blue')!, ports.get('red2')!, marker, [
      note({ from: nics.blue.mac }, 'live'),
    ]);
    expect(came).toBe(true);
  });
});
