/** Settings that NICs share, from the file to the wire: an edit of the group is a live edit of its NICs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSpec } from '../../../src/spec/parse.js';
import { NOTHING_REMEMBERED } from '../../../src/topology/remembered.js';
import { resolveTopology } from '../../../src/topology/resolve.js';
import type { Nic, Topology } from '../../../src/topology/topology.js';
import { arrivals, FramePort } from './frame-port.js';
import { note } from './frames.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsgroups';

function topologyOf(group: string): Topology {
  const parsed = parseSpec(
    `
project: ${PROJECT}
engine: ovs
networks: { lan: { mode: isolated, portgroups: { desks: ${group} } } }
machines:
  desk1: { nics: [{ network: lan, attach: netns, portgroup: desks }] }
  desk2: { nics: [{ network: lan, attach: netns, portgroup: desks }] }
  printer: { nics: [{ network: lan, attach: netns, vlan: 10, anti-spoofing: false }] }
`,
    'f.yaml',
  );
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const resolved = resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED });
  if ('problems' in resolved) throw new Error(JSON.stringify(resolved.problems));
  return resolved.topology;
}

describe.skipIf(lacking !== undefined)('portgroups on the ovs engine', () => {
  let host: OvsHost;
  let project: OvsProject;
  const ports: FramePort[] = [];
  const nics: Nic[] = topologyOf('{ vlan: 10 }').machines.flatMap((machine) => machine.nics);

  beforeAll(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    await project.up(topologyOf('{ vlan: 10 }'), signal());
    for (const { machine, interfaceName } of nics)
      ports.push(await FramePort.open(`passerelle:${PROJECT}:ovs-machine:${machine}`, interfaceName));
  });
  afterAll(async () => {
    for (const port of ports) await port[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  /** Which of desk2 and the printer hear desk1. */
  async function heard(text: string): Promise<boolean[]> {
    const [desk1, desk2, printer] = ports as [FramePort, FramePort, FramePort];
    const frame = note({ from: nics[0]!.mac }, text);
    const [toDesk2] = await arrivals(desk1, desk2, note({ from: nics[0]!.mac }, `${text} end`), [frame]);
    return [toDesk2!, printer.has(frame)];
  }

  it('moves all its NICs to another VLAN live', async () => {
    expect(await heard('in ten')).toEqual([true, true]);
    const plan = await project.up(topologyOf('{ vlan: 20 }'), signal());
    expect(plan.steps.map(({ change, impact, affects }) => [change.action, impact, affects])).toEqual([
      ['update', 'live', ['desk1']],
      ['update', 'live', ['desk2']],
    ]);
    expect(await heard('in twenty')).toEqual([true, false]);
  });

  it('lets all its NICs say what they like, or not', async () => {
    const [desk1, desk2] = ports as [FramePort, FramePort];
    const forged = (text: string) => note({ from: '52:54:00:00:00:66' }, text);
    const end = (text: string) => note({ from: nics[0]!.mac }, text);
    expect(await arrivals(desk1, desk2, end('guarded'), [forged('guarded')])).toEqual([false]);
    await project.up(topologyOf('{ vlan: 20, anti-spoofing: false }'), signal());
    expect(await arrivals(desk1, desk2, end('free'), [forged('free')])).toEqual([true]);
  });
});
