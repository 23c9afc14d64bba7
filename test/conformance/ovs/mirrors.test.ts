/** Mirrors: of the file, to a NIC of a machine; and of a capture, which ends, or is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FramePort } from './frame-port.js';
import { note } from './frames.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsmirror';
const LOADER = fileURLToPath(new URL('../../lab/typescript-loader.mjs', import.meta.url));
const CHILD = fileURLToPath(new URL('capture-child.ts', import.meta.url));

describe.skipIf(lacking !== undefined)('mirrors of the ovs engine', () => {
  const lab = network(PROJECT, 'lab', 'isolated', { options: { mirror: 'ids/0' } });
  const inside = (options: Record<string, unknown>) => ({
    antiSpoofing: false,
    options: { attach: 'netns', ...options },
  });
  const red1 = nic(PROJECT, 'red1', 0, lab, inside({ vlan: 10 }));
  const red2 = nic(PROJECT, 'red2', 0, lab, inside({ vlan: 10 }));
  const plain = nic(PROJECT, 'plain', 0, lab, inside({}));
  const guarded = nic(PROJECT, 'guarded', 0, lab, {
    options: { attach: 'netns', vlan: 10 },
    ipv4: '10.9.0.4',
  });
  const ids = nic(PROJECT, 'ids', 0, lab, inside({}));
  const nics = [red1, red2, plain, guarded, ids];
  const wanted = topology(PROJECT, [lab], nics);
  const quiet = topology(PROJECT, [{ ...lab, options: {} }], nics);
  let host: OvsHost;
  let project: OvsProject;
  const open: FramePort[] = [];

  async function portOf(machine: string, device: string): Promise<FramePort> {
    const port = await FramePort.open(`passerelle:${PROJECT}:ovs-machine:${machine}`, device);
    open.push(port);
    return port;
  }

  async function pending(of = wanted): Promise<string[]> {
    const plan = await project.plan(project.engine.desire(of), signal());
    return plan.steps.map(
      ({ change }) => `${change.action} ${change.action === 'delete' ? change.before.id : change.after.id}`,
    );
  }

  async function mirrorCount(): Promise<number> {
    return (await host.run('ovs-vsctl', '--bare', '--columns=name', 'list', 'Mirror'))
      .split(/\s+/u)
      .filter(Boolean).length;
  }

  beforeAll(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    await project.up(wanted, signal());
  });
  afterAll(async () => {
    for (const port of open) await port[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  it('a machine sees what the network carries, with the VLANs that frames are in, and says nothing', async () => {
    expect(await pending()).toEqual([]);
    const [from, to, other, looker] = [
      await portOf('red1', red1.interfaceName),
      await portOf('red2', red2.interfaceName),
      await portOf('plain', plain.interfaceName),
      await portOf('ids', ids.interfaceName),
    ];
    from.send(note({ from: red1.mac, to: red2.mac }, 'from red1'));
    await to.expect(note({ from: red1.mac, to: red2.mac }, 'from red1'));
    await looker.expect(note({ from: red1.mac, to: red2.mac, tags: [10] }, 'from red1'));
    to.send(note({ from: red2.mac, to: red1.mac }, 'answer'));
    await looker.expect(note({ from: red2.mac, to: red1.mac, tags: [10] }, 'answer'));
    looker.send(note({ from: ids.mac }, 'a word of the looker'));
    from.send(note({ from: red1.mac }, 'end'));
    await to.expect(note({ from: red1.mac }, 'end'));
    expect(
      [from, to, other].map((port) => port.has(note({ from: ids.mac }, 'a word of the looker'))),
    ).toEqual([false, false, false]);
  });

  it('is narrowed to one NIC live, survives the port that is made anew, and ends with the key', async () => {
    const one = topology(
      PROJECT,
      [{ ...lab, options: {} }],
      [red1, { ...red2, options: { ...red2.options, mirror: 'ids/0' } }, plain, guarded, ids],
    );
    const plan = await project.up(one, signal());
    expect(plan.steps.map(({ impact }) => impact)).not.toContain('brief-loss');
    expect(await pending(one)).toEqual([]);
    await host.run('ovs-vsctl', 'del-port', red2.interfaceName);
    expect(await pending(one)).toContain('create ovs/port/red2/0');
    await project.up(one, signal());
    expect(await pending(one)).toEqual([]);
    const looker = await portOf('ids', ids.interfaceName);
    const reborn = await portOf('red2', red2.interfaceName);
    reborn.send(note({ from: red2.mac }, 'born again'));
    await looker.expect(note({ from: red2.mac, tags: [10] }, 'born again'));
    const other = await portOf('plain', plain.interfaceName);
    other.send(note({ from: plain.mac, to: red1.mac }, 'not for the looker'));
    reborn.send(note({ from: red2.mac }, 'marker'));
    await looker.expect(note({ from: red2.mac, tags: [10] }, 'marker'));
    expect(looker.has(note({ from: plain.mac, to: red1.mac }, 'not for the looker'))).toBe(false);
    await project.up(quiet, signal());
    expect(await mirrorCount()).toBe(0);
  });

  /** Captures while the frames are sent. @returns what was captured. */
  async function captured(
    begin: (stop: AbortSignal) => AsyncIterable<Uint8Array>,
    send: () => void,
    until: Buffer,
  ): Promise<Buffer> {
    const stop = new AbortController();
    const chunks: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of begin(stop.signal)) chunks.push(chunk);
    })();
    reading.catch(() => undefined);
    const seen = () => Buffer.concat(chunks);
    await expect
      .poll(
        () => {
          send();
          return seen().includes(until);
        },
        { timeout: 10_000, interval: 200 },
      )
      .toBe(true);
    stop.abort(new Error('seen enough'));
    await reading.catch(() => undefined);
    return seen();
  }

  it('a capture of a network sees all of it, tagged, with what the guard refuses, and leaves nothing', async () => {
    const [from, liar] = [
      await portOf('red1', red1.interfaceName),
      await portOf('guarded', guarded.interfaceName),
    ];
    const forged = note({ from: '52:54:00:00:00:66' }, 'forged');
    const seen = await captured(
      (stop) => project.engine.captureNetwork!(lab, stop),
      () => {
        liar.send(forged);
        from.send(note({ from: red1.mac }, 'captured'));
      },
      note({ from: red1.mac, tags: [10] }, 'captured').subarray(0, 60),
    );
    expect(seen.includes(note({ from: '52:54:00:00:00:66', tags: [10] }, 'forged').subarray(0, 40))).toBe(
      true,
    );
    expect(await mirrorCount()).toBe(0);
    expect(await pending(quiet)).toEqual([]);
    expect(await host.run('ip', '-br', 'link')).not.toContain('pslc');
    expect(await host.run('nft', 'list', 'tables')).not.toContain('netdev');
  });

  it('a capture of a NIC in a VLAN is a mirror of its port alone', async () => {
    const [from, other] = [
      await portOf('red1', red1.interfaceName),
      await portOf('plain', plain.interfaceName),
    ];
    const seen = await captured(
      (stop) => project.engine.capture(red1, lab, stop),
      () => {
        other.send(note({ from: plain.mac, to: ids.mac }, 'elsewhere'));
        from.send(note({ from: red1.mac }, 'of the NIC'));
      },
      note({ from: red1.mac, tags: [10] }, 'of the NIC').subarray(0, 60),
    );
    expect(seen.includes(Buffer.from('elsewhere'))).toBe(false);
  });

  async function captureKilled(): Promise<void> {
    const words = ['--import', LOADER, CHILD, host.directory, host.namespace, PROJECT, JSON.stringify(lab)];
    const child: ChildProcess = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout!, 'data');
    expect(await mirrorCount()).toBe(1);
    // While it runs, it is nobody's business.
    expect(await pending(quiet)).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await sleep(200);
    expect(await mirrorCount()).toBe(1);
  }

  it('what a killed capture left goes with the next up, and with the next capture', async () => {
    await captureKilled();
    expect((await pending(quiet)).map((step) => step.split('/').slice(0, 2).join('/'))).toEqual([
      'delete ovs/capture',
    ]);
    await project.up(quiet, signal());
    expect(await mirrorCount()).toBe(0);
    expect(await host.run('ip', '-br', 'link')).not.toContain('pslc');
    expect(await host.run('nft', 'list', 'tables')).not.toContain('netdev');

    await captureKilled();
    const from = await portOf('red1', red1.interfaceName);
    await captured(
      (stop) => project.engine.captureNetwork!(lab, stop),
      () => from.send(note({ from: red1.mac }, 'again')),
      Buffer.from('again'),
    );
    expect(await mirrorCount()).toBe(0);
    expect(await pending(quiet)).toEqual([]);
  });
});
