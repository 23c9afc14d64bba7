/** A network of the fabric as a vde_switch: real vde_plug, vde_switch and QEMU plug into it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_PLUGS } from '../../../src/fabric/vde/vde-socket.js';
import { arrives, countOf, FabricStage, packet, putNetwork } from '../../fabric/fabric-stage.js';
import { ethernet, ipv4, macNumber } from '../../fabric/frames.js';
import type { FakeGuest } from '../../fabric/fake-guest.js';
import { type Probe, VdeLab, whyNot } from './vde-lab.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('a network that offers VDE', () => {
  let stage: FabricStage;
  let lab: VdeLab;
  let directory: string;
  let machine: FakeGuest;
  beforeEach(async () => {
    stage = await FabricStage.open();
    lab = new VdeLab();
    directory = join(stage.directory, 'vde', 'a');
    machine = await stage.boot(1);
    await stage.fabric.apply([offer(), stage.putPort(1)]);
    await stage.plugged(machine);
  });
  afterEach(async () => {
    lab.close();
    await stage.close();
    expect(existsSync(directory)).toBe(false);
  });

  const offer = () => putNetwork('a', 0, { vdeDirectory: directory });
  const clients = (): number => stage.fabric.status().networks[0]?.vdeClients ?? 0;
  const heard = (probe: Probe, text: string): Promise<void> =>
    expect.poll(() => probe.seen, { timeout: 5000 }).toContain(text);
  /** A text from a MAC of ours, to everybody. */
  const said = (text: string): Buffer => ethernet(0x88b5, Buffer.from(text.padEnd(46, '\0')), macNumber(1));

  it('has several clients, each a port of its own, which reach the machines and one another', async () => {
    const probes = await Promise.all([1, 2, 3].map(() => lab.probe(`vde://${directory}`)));
    expect(clients()).toBe(3);
    const [a, b, c] = probes as [Probe, Probe, Probe];
    a.say('hello');
    for (const probe of [b, c]) await heard(probe, 'hello');
    await machine.until(({ frames }) => frames.some((frame) => frame.includes('hello')), 'the text');
    machine.send(said('from a machine'));
    for (const probe of probes) await heard(probe, 'from a machine');
    expect(a.seen).not.toContain('hello');
    // What was learned is a way to one of them.
    const toA = said('to a alone');
    toA.set(a.mac, 0);
    machine.send(toA);
    await heard(a, 'to a alone');
    expect(b.seen).not.toContain('to a alone');
  });

  it('belongs to its owner alone, and leaves nothing of those that go', async () => {
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'ctl')).mode & 0o777).toBe(0o600);
    const probe = await lab.probe(`vde://${directory}`);
    expect(clients()).toBe(1);
    probe.close();
    await expect.poll(clients).toBe(0);
    // A vde_plug that was killed leaves its own data socket.
    expect(readdirSync(directory).filter((name) => !name.startsWith('.'))).toEqual(['ctl']);
  });

  it("lets no client take a machine's MAC or address, nor the gateway's", async () => {
    const [thief, witness] = [await lab.probe(`vde://${directory}`), await lab.probe(`vde://${directory}`)];
    const gateway = macNumber(0xf0);
    const tcp = Buffer.alloc(30);
    for (const [mac, address] of [
      [macNumber(1), '10.0.0.77'],
      [gateway, '10.0.0.77'],
      [macNumber(7), '10.0.0.1'],
      [macNumber(7), '10.0.0.254'],
    ] as const) {
      thief.send(ethernet(0x0800, ipv4(address, 6, tcp), mac));
    }
    thief.send(ethernet(0x0800, ipv4('10.0.0.77', 6, tcp), macNumber(7), macNumber(1)));
    await arrives(machine, ethernet(0x0800, ipv4('10.0.0.77', 6, tcp), macNumber(7), macNumber(1)));
    expect(machine.frames.filter((frame) => frame.readUInt16BE(12) === 0x0800)).toHaveLength(1);
    // The machine is where it was: what is for it does not go to the thief.
    witness.send(packet(9, 1));
    await arrives(machine, packet(9, 1));
    expect(thief.frames.filter((frame) => frame.readUInt16BE(12) === 0x0800)).toEqual([]);
  });

  it('is joined to a real vde_switch by a real cable, with its stations behind one port', async () => {
    const control = lab.path('switch');
    lab.cable(['vde_switch', '--sock', control, '--mgmt', lab.path('mgmt'), '--rcfile', '/dev/null']);
    await expect.poll(() => existsSync(join(control, 'ctl'))).toBe(true);
    lab.cable(['dpipe', 'vde_plug', control, '=', 'vde_plug', directory]);
    await expect.poll(clients, { timeout: 5000 }).toBe(1);
    const [far, other] = [await lab.probe(`vde://${control}`), await lab.probe(`vde://${control}`)];
    far.say('from far');
    other.say('from farther');
    for (const text of ['from far', 'from farther']) {
      await machine.until(({ frames }) => frames.some((frame) => frame.includes(text)), text);
    }
    machine.send(said('to all of you'));
    for (const probe of [far, other]) await heard(probe, 'to all of you');
    expect(stage.fabric.status().networks[0]?.learnedMacs).toBe(2);
  });

  it('has at most so many clients', async () => {
    const open = Array.from({ length: MAX_PLUGS + 5 }, () => connect(join(directory, 'ctl')));
    const closed: unknown[] = [];
    for (const socket of open) socket.on('close', () => closed.push(socket)).on('error', () => undefined);
    await expect.poll(() => closed.length).toBe(5);
    expect(clients()).toBe(MAX_PLUGS);
    // Those that say nothing are sent away.
    await expect.poll(() => closed.length, { timeout: 5000 }).toBe(MAX_PLUGS + 5);
    expect(clients()).toBe(0);
    await lab.probe(`vde://${directory}`);
    expect(clients()).toBe(1);
  });

  it('hangs up on who speaks something else', async () => {
    for (const words of ['GET / HTTP/1.0\r\n\r\n'.padEnd(200), '\xce\xfa\xed\xfe'.padEnd(400)]) {
      const socket = connect(join(directory, 'ctl')).on('error', () => undefined);
      socket.write(words, 'latin1');
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(clients()).toBe(0);
  });

  it('is offered and taken back live, and cleared of what a killed fabric left', async () => {
    const probe = await lab.probe(`vde://${directory}`);
    await stage.fabric.apply([putNetwork('a', 0)]);
    expect(existsSync(directory)).toBe(false);
    await probe.ended;
    // A socket that nobody listens on, and the directory of a client.
    execFileSync('mkdir', ['-p', join(directory, '1')]);
    execFileSync('sh', ['-c', `timeout 0.2 socat UNIX-LISTEN:${directory}/ctl,unlink-close=0 - || true`]);
    expect(existsSync(join(directory, 'ctl'))).toBe(true);
    await stage.fabric.apply([offer()]);
    const next = await lab.probe(`vde://${directory}`);
    machine.send(said('again'));
    await heard(next, 'again');
    expect(machine.connections).toBe(1);
    expect(countOf(machine, said('again'))).toBe(0);
  });

  it('says why it cannot be offered, and changes nothing', async () => {
    const second = putNetwork('b', 1, { vdeDirectory: join(stage.directory, 'm1.sock', 'b') });
    await expect(stage.fabric.apply([second])).rejects.toThrow(/network b cannot offer VDE at .*ENOTDIR/);
    expect(stage.fabric.status().networks.map(({ name }) => name)).toEqual(['a']);
  });
});
