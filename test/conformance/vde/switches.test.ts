/** Real vde_switch processes: made, found again, edited live, mended and removed. No guests. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engines/contract.js';
import { createVdeEngine } from '../../../src/engines/vde/vde-engine.js';
import { processStartTicks } from '../../../src/plan/process-identity.js';
import type { Topology } from '../../../src/topology/topology.js';
import { FakeGuest } from '../../fabric/fake-guest.js';
import { converge, planFor } from '../linux/converge.js';
import { type MachineWishes, topologyOf } from './topologies.js';
import { type Probe, VdeLab, whyNot } from './vde-lab.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('switches', () => {
  let lab: VdeLab;
  beforeEach(() => {
    lab = new VdeLab();
  });
  afterEach(async () => {
    await converge(engine(), undefined);
    expect(existsSync(join(lab.places.runDir, 'switches'))).toBe(false);
    lab.close();
  });

  /** A new one for each step, as each command makes its own. */
  const engine = (): Engine => createVdeEngine({ project: 'lab', places: lab.places });

  const two: MachineWishes = { a: [{ network: 'back' }], b: [{ network: 'back' }] };
  const back = (options: Record<string, unknown> = {}, machines: MachineWishes = two): Topology =>
    topologyOf([{ name: 'back', options }], machines);

  /** Plugs into the port of a machine, as its QEMU would. */
  const plug = (topology: Topology, id: string): Promise<Probe> => {
    const nic = topology.machines.flatMap(({ nics }) => nics).find((one) => one.id === id);
    const network = topology.networks.find(({ name }) => name === nic?.network);
    if (nic === undefined || network === undefined) throw new Error(id);
    const [, netdev = ''] = engine().netdev(nic, network, topology);
    const [, directory, port] = /sock=([^,]+),port=(\d+)/.exec(netdev) ?? [];
    return lab.probe(`vde://${directory}[${port}]`);
  };
  const switchPid = (): number =>
    Number(readFileSync(join(lab.places.runDir, 'switches', 'back', 'switch.pid'), 'utf8'));
  const heard = (probe: Probe, text: string): Promise<void> =>
    expect.poll(() => probe.seen, { timeout: 3000 }).toContain(text);

  it('stand after up, with nothing left to do, and belong to their owner alone', async () => {
    await converge(engine(), back());
    expect((await planFor(engine(), back())).steps).toEqual([]);
    const directory = join(lab.places.runDir, 'switches', 'back');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of ['mgmt', 'ctl.1/ctl'])
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it('carry frames between machines, and count them', async () => {
    const topology = back();
    await converge(engine(), topology);
    const [a, b] = [await plug(topology, 'a/0'), await plug(topology, 'b/0')];
    a.say('hello');
    await heard(b, 'hello');
    const { ports, running, notes } = await engine().status(AbortSignal.timeout(5000));
    expect(running).toBe(true);
    expect(ports.map(({ nic, connected, rxFrames }) => [nic, connected, rxFrames])).toEqual([
      ['a/0', true, 1],
      ['b/0', true, 0],
    ]);
    expect(notes.join()).toMatch(/back: vde_switch \S+, pid \d+/);
  });

  it('keep VLANs of machines apart, and change them live', async () => {
    const apart = back({}, { ...two, a: [{ network: 'back', options: { vlan: 5 } }] });
    await converge(engine(), apart);
    const [a, b] = [await plug(apart, 'a/0'), await plug(apart, 'b/0')];
    a.say('in five');
    b.say('in none');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([a.seen, b.seen]).toEqual([[], []]);
    const { steps } = await converge(engine(), back());
    expect(steps.map(({ change, impact }) => [change.action, impact])).toEqual([['update', 'brief-loss']]);
    a.say('together');
    await heard(b, 'together');
    expect(tables(lab, 'vlan/print').filter((line) => line.startsWith('VLAN'))).toEqual(['VLAN 0000']);
  });

  it('speak the spanning tree protocol when asked, changed live', async () => {
    await converge(engine(), back({ stp: true }));
    expect(tables(lab, 'fstp/showinfo').join()).toContain('FSTP=true');
    const { steps } = await converge(engine(), back());
    expect(steps.map(({ change }) => change.action)).toEqual(['update']);
    expect(tables(lab, 'fstp/showinfo').join()).toContain('FSTP=false');
  });

  it('lose a machine that leaves, even while it is plugged in, and leave the others alone', async () => {
    const topology = back();
    await converge(engine(), topology);
    const [a, b] = [await plug(topology, 'a/0'), await plug(topology, 'b/0')];
    const third = back({}, { ...two, c: [{ network: 'back' }] });
    await converge(engine(), third);
    const c = await plug(third, 'c/0');
    const { steps } = await converge(
      engine(),
      back({}, { a: [{ network: 'back' }], c: [{ network: 'back' }] }),
    );
    expect(steps.map(({ change }) => change.action)).toEqual(['delete']);
    b.say('from outside');
    a.say('still here');
    await heard(c, 'still here');
    expect(c.seen).not.toContain('from outside');
  });

  it('are started again after kill -9, under another name, and found again by those who plug in again', async () => {
    const topology = back();
    await converge(engine(), topology);
    const before = engine().netdev(...nicOf(topology, 'a/0'));
    await kill(switchPid());
    const { steps } = await converge(engine(), topology);
    expect(steps.map(({ change, impact }) => [change.action, impact])).toEqual([
      ['replace', 'none'],
      ['create', 'none'],
      ['create', 'none'],
    ]);
    expect(engine().netdev(...nicOf(topology, 'a/0'))).not.toEqual(before);
    const [a, b] = [await plug(topology, 'a/0'), await plug(topology, 'b/0')];
    a.say('again');
    await heard(b, 'again');
    expect((await planFor(engine(), topology)).steps).toEqual([]);
  });

  it('are replaced when they do not answer', async () => {
    const topology = back();
    await converge(engine(), topology);
    const pid = switchPid();
    process.kill(pid, 'SIGSTOP');
    const next = engine();
    expect(await next.preflight(topology, AbortSignal.timeout(5000))).toEqual([]);
    await converge(next, topology);
    expect(await processStartTicks(pid)).toBeUndefined();
    expect((await planFor(engine(), topology)).steps).toEqual([]);
  });

  it('reach a QEMU without VDE through a patch panel, again whenever either was gone', async () => {
    const qemu = lab.path('qemu-system-x86_64');
    writeFileSync(qemu, '#!/bin/sh\nprintf "Available netdev backend types:\\nuser\\nstream\\n"\n', {
      mode: 0o755,
    });
    const plain = back();
    const topology = {
      ...plain,
      machines: plain.machines.map((one) => (one.name === 'a' ? { ...one, command: [qemu] } : one)),
    };
    await converge(engine(), topology);
    expect((await planFor(engine(), topology)).steps).toEqual([]);
    const [, netdev = ''] = engine().netdev(...nicOf(topology, 'a/0'));
    const [, path = ''] = /^stream,id=psl0,server=on,addr\.type=unix,addr\.path=(.*)$/.exec(netdev) ?? [];
    const frame = Buffer.alloc(60, 7).fill(0xff, 0, 6);
    frame.writeUInt16BE(0x88b5, 12);
    frame.write('from the guest\0', 14);
    let guest = await FakeGuest.listen(path);
    try {
      for (const round of ['first', 'second', 'with the next switch']) {
        if (round === 'second') {
          await guest.close();
          guest = await FakeGuest.listen(path);
        } else if (round !== 'first') {
          await kill(switchPid());
          await converge(engine(), topology);
        }
        await guest.connected();
        const b = await plug(topology, 'b/0');
        b.say(round);
        await guest.until(({ frames }) => frames.some((one) => one.includes(round)), round);
        guest.send(frame);
        await heard(b, 'from the guest');
        b.close();
      }
    } finally {
      await guest.close();
    }
  });

  it('are removed when dead', async () => {
    await converge(engine(), back());
    await kill(switchPid());
    await converge(engine(), undefined);
    expect(existsSync(join(lab.places.runDir, 'switches'))).toBe(false);
  });

  it('come up fifty at once', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `n${index}`);
    const many = topologyOf(
      names.map((name) => ({ name })),
      {},
    );
    const startedAtMs = performance.now();
    await converge(engine(), many);
    const upMs = performance.now() - startedAtMs;
    await converge(engine(), undefined);
    console.log(
      `50 switches up in ${Math.round(upMs)} ms, down in ${Math.round(performance.now() - startedAtMs - upMs)} ms`,
    );
  });

  it('are made by the printed commands too, typed into a shell', async () => {
    const topology = back({ stp: true, vlan: 7 });
    const typed = engine();
    const { steps } = await planFor(typed, topology);
    const script = steps.flatMap(({ change }) => typed.commandsFor(change)).join('\n');
    execFileSync('sh', ['-ec', script], { stdio: 'pipe' });
    expect(tables(lab, 'fstp/showinfo').join()).toContain('FSTP=true');
    const [a, b] = [await plug(topology, 'a/0'), await plug(topology, 'b/0')];
    a.say('typed');
    await heard(b, 'typed');
  });
});

/** Data lines of one command on the management socket, asked by a client that is not ours. */
function tables(lab: VdeLab, command: string): string[] {
  const socket = join(lab.places.runDir, 'switches', 'back', 'mgmt');
  const text = execFileSync('socat', ['-', `UNIX-CONNECT:${socket}`], {
    input: `${command}\n`,
    encoding: 'utf8',
  });
  const [, data = ''] = /0000 DATA[^\n]*\n([\s\S]*?)\n?\.\n1000/.exec(text) ?? [];
  return data.split('\n');
}

function nicOf(topology: Topology, id: string): Parameters<Engine['netdev']> {
  const nic = topology.machines.flatMap(({ nics }) => nics).find((one) => one.id === id);
  const network = topology.networks.find(({ name }) => name === nic?.network);
  if (nic === undefined || network === undefined) throw new Error(id);
  return [nic, network, topology];
}

/** Kills it for good and waits until it is dead. */
async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => processStartTicks(pid)).toBeUndefined();
}
