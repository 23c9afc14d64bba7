/** Cables between switches: on one host, and between two hosts that are network namespaces. Real vde_plug processes. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engines/contract.js';
import { networkFiles, stableDirectory } from '../../../src/engines/vde/network-files.js';
import { createVdeEngine } from '../../../src/engines/vde/vde-engine.js';
import type { Places } from '../../../src/places.js';
import type { Topology } from '../../../src/topology/topology.js';
import { parsePortTable } from '../../../src/clients/vde/tables.js';
import { freePort } from '../host-services.js';
import { converge, planFor } from '../linux/converge.js';
import { topologyOf } from './topologies.js';
import { type Probe, VdeLab, whyNot } from './vde-lab.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const heard = (probe: Probe, text: string): Promise<void> =>
  expect.poll(() => probe.seen, { timeout: 5000 }).toContain(text);
const network = (name: string, options: Record<string, unknown> = {}): Topology =>
  topologyOf([{ name, options }], {});
const urlOf = (places: Places, name: string): string =>
  `vde://${stableDirectory(networkFiles(places, name))}`;

describe.skipIf(reason !== undefined)('cables on one host', () => {
  let left: VdeLab;
  let right: VdeLab;
  beforeEach(() => {
    left = new VdeLab();
    right = new VdeLab();
  });
  afterEach(async () => {
    for (const lab of [left, right]) {
      await converge(engineOf(lab), undefined);
      lab.close();
    }
  });
  const engineOf = ({ places }: VdeLab): Engine => createVdeEngine({ project: 'lab', places });

  it('join two switches, and are plugged again when they are killed', async () => {
    await converge(engineOf(right), network('r'));
    const topology = network('l', { plugs: [urlOf(right.places, 'r')] });
    await converge(engineOf(left), topology);
    const [a, b] = [await left.probe(urlOf(left.places, 'l')), await right.probe(urlOf(right.places, 'r'))];
    a.say('over the cable');
    await heard(b, 'over the cable');

    // It comes back by itself.
    process.kill(cablePid(left, 'l'), 'SIGKILL');
    await expect.poll(async () => (await planFor(engineOf(left), topology)).steps.length).toBe(1);
    await expect
      .poll(async () => (await planFor(engineOf(left), topology)).steps.length, { timeout: 5000 })
      .toBe(0);
    b.say('and back');
    await heard(a, 'and back');

    // With the shell that keeps it: the next `up` does.
    const pid = cablePid(left, 'l');
    process.kill(parentOf(pid), 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await planFor(engineOf(left), topology)).steps.length).toBe(1);
    const { steps } = await converge(engineOf(left), topology);
    expect(steps.map(({ change }) => change.action)).toEqual(['create']);
    b.say('and back again');
    await heard(a, 'and back again');
  });

  it('by udp, with what leaves one switch entering the other', async () => {
    const [here, there] = [await freePort(), await freePort()];
    const udp = (own: number, other: number): string => `udp://${own}->127.0.0.1:${other}`;
    await converge(engineOf(right), network('r', { plugs: [udp(there, here)] }));
    await converge(engineOf(left), network('l', { plugs: [udp(here, there)] }));
    const [a, b] = [await left.probe(urlOf(left.places, 'l')), await right.probe(urlOf(right.places, 'r'))];
    a.say('over udp');
    await heard(b, 'over udp');
    b.say('back over udp');
    await heard(a, 'back over udp');
  });

  it('are taken out and put in live, and the others stay', async () => {
    await converge(engineOf(right), topologyOf([{ name: 'r' }, { name: 's' }], {}));
    const [r, s] = [urlOf(right.places, 'r'), urlOf(right.places, 's')];
    await converge(engineOf(left), network('l', { plugs: [r] }));
    const { steps } = await converge(engineOf(left), network('l', { plugs: [s] }));
    expect(steps.map(({ change, impact }) => [change.action, impact])).toEqual([
      ['delete', 'live'],
      ['create', 'none'],
    ]);
    const [a, onR, onS] = [
      await left.probe(urlOf(left.places, 'l')),
      await right.probe(r),
      await right.probe(s),
    ];
    a.say('who hears');
    await heard(onS, 'who hears');
    expect(onR.seen).toEqual([]);
  });

  it('carry the VLANs of a network with their tags', async () => {
    await converge(engineOf(right), network('r'));
    const options = { vlan: 42, plugs: [urlOf(right.places, 'r')] };
    const topology = topologyOf([{ name: 'l', options }], {
      a: [{ network: 'l' }],
      b: [{ network: 'l', options: { vlan: 43 } }],
    });
    await converge(engineOf(left), topology);
    // The other side is a trunk too: a port without its own VLANs passes tags of none, so it is told of them.
    const port = tell(right, 'r', 'port/allprint').match(/Port 0*(\d+)/)?.[1] ?? '';
    for (const vlan of [42, 43]) {
      tell(right, 'r', `vlan/create ${vlan}`);
      tell(right, 'r', `vlan/addport ${vlan} ${port}`);
    }
    tell(right, 'r', 'port/create 7');
    tell(right, 'r', 'vlan/addport 42 7');
    tell(right, 'r', 'vlan/addport 43 7');
    const trunk = await right.probe(`${urlOf(right.places, 'r')}[7]`);
    const [a, b] = await Promise.all(
      ['a/0', 'b/0'].map((id) => left.probe(portUrl(engineOf(left), topology, id))),
    );
    a?.say('from a');
    b?.say('from b');
    await heard(trunk, '42:from a');
    await heard(trunk, '43:from b');
    expect(a?.seen).toEqual([]);
  });

  it('say why when they cannot be plugged, and leave nothing', async () => {
    const topology = network('l', { plugs: [`vde://${left.path('nobody')}`] });
    await expect(converge(engineOf(left), topology)).rejects.toThrow(/No such file or directory/);
    expect((await planFor(engineOf(left), undefined)).steps).toEqual([]);
  });

  it('with the spanning tree protocol, survive a loop', async () => {
    await converge(engineOf(right), network('r', { stp: true }));
    const r = urlOf(right.places, 'r');
    // Two ways to the same switch: a loop, of which one way comes to rest, at both of its ends.
    const plugs = [r, `${r}[900]`];
    await converge(engineOf(left), network('l', { stp: true, plugs }));
    const discarding = (lab: VdeLab, name: string): number =>
      tell(lab, name, 'vlan/print').split('Discarding').length - 1;
    await expect
      .poll(() => discarding(left, 'l') + discarding(right, 'r'), { timeout: 20_000, interval: 250 })
      .toBe(2);
    const [a, b] = [await left.probe(urlOf(left.places, 'l')), await right.probe(r)];
    await expect
      .poll(
        () => {
          a.say('once');
          return b.seen.length;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBeGreaterThan(0);
    const before = b.seen.length;
    a.say('exactly once');
    await heard(b, 'exactly once');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(b.seen.slice(before).filter((text) => text === 'exactly once')).toHaveLength(1);

    // The way in use is cut: the other one, which rested, takes over.
    const forwarding = ports(right, 'r').find(({ number }) => isForwarding(right, 'r', number));
    process.kill(parentOf(forwarding?.pid ?? 0), 'SIGSTOP');
    process.kill(forwarding?.pid ?? 0, 'SIGKILL');
    const after = b.seen.length;
    await expect
      .poll(
        () => {
          a.say('by the other way');
          return b.seen.length;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBeGreaterThan(after);
  }, 90_000);
});

const asRoot = process.getuid?.() === 0 && reason === undefined;
if (asRoot) whyNot('dropbear', 'dbclient', 'dropbearkey', 'ss');
describe.skipIf(!asRoot)('cables between two hosts', () => {
  const hosts = ['one', 'two'].map((name) => `psl-vde-${process.pid}-${name}`);
  const [one = '', two = ''] = hosts;
  let labs: VdeLab[];
  beforeEach(() => {
    labs = [new VdeLab(), new VdeLab()];
    for (const host of hosts) execFileSync('ip', ['netns', 'add', host]);
    execFileSync('ip', `link add wire netns ${one} type veth peer name wire netns ${two}`.split(' '));
    hosts.forEach((host, index) => {
      for (const line of [
        'link set lo up',
        `address add 192.0.2.${index + 1}/24 dev wire`,
        'link set wire up',
      ]) {
        execFileSync('ip', ['-n', host, ...line.split(' ')]);
      }
      execFileSync('ip', ['-n', host, 'route', 'add', '224.0.0.0/4', 'dev', 'wire']);
    });
  });
  afterEach(async () => {
    for (const [index, lab] of labs.entries()) {
      await converge(engineAt(index), undefined);
      lab.close();
    }
    for (const host of hosts) execFileSync('ip', ['netns', 'delete', host]);
  });
  const labAt = (index: number): VdeLab => labs[index] ?? new VdeLab();
  const engineAt = (index: number): Engine =>
    createVdeEngine({ project: 'lab', places: labAt(index).places }, { namespace: hosts[index] ?? '' });

  it('by vxvde', async () => {
    const topology = network('l', { plugs: ['vxvde://239.1.2.3/if=wire'] });
    for (const index of [0, 1]) await converge(engineAt(index), topology);
    const [a, b] = await Promise.all(labs.map((lab) => lab.probe(urlOf(lab.places, 'l'))));
    if (a === undefined || b === undefined) throw new Error('no probes');
    a.say('over vxvde');
    await heard(b, 'over vxvde');
    b.say('unicast answer');
    await heard(a, 'unicast answer');
  });

  it('and two namespaces on one switch, by vde_plug tap://', async () => {
    await converge(engineAt(0), network('l'));
    const url = urlOf(labAt(0).places, 'l');
    for (const [index, host] of hosts.entries()) {
      const plug = labAt(0).cable(['ip', 'netns', 'exec', host, 'vde_plug', url, 'tap://eth9']);
      await expect
        .poll(() => attempt(['ip', '-n', host, 'link', 'show', 'eth9']), { timeout: 5000 })
        .toBe(true);
      execFileSync('ip', ['-n', host, 'address', 'add', `10.9.9.${index + 1}/24`, 'dev', 'eth9']);
      execFileSync('ip', ['-n', host, 'link', 'set', 'eth9', 'up']);
      expect(plug.exitCode).toBeNull();
    }
    expect(attempt(['ip', 'netns', 'exec', one, 'ping', '-c', '2', '-W', '2', '10.9.9.2'])).toBe(true);
    const { notes } = await engineAt(0).status(AbortSignal.timeout(5000));
    expect(notes.join()).toContain('2 plugged in by themselves');
  });

  it('by vde_plug over a real ssh, thousands of frames each way', async () => {
    await converge(engineAt(1), network('far'));
    const far = urlOf(labAt(1).places, 'far');
    const ssh = startSshServer(labAt(1), two, '192.0.2.2');
    const command = `ip netns exec ${one} ${ssh} vde_plug ${far}`;
    await converge(engineAt(0), network('l', { plugs: [`cmd://${command}`] }));
    const [a, b] = [await labAt(0).probe(urlOf(labAt(0).places, 'l')), await labAt(1).probe(far)];
    a.say('over ssh');
    await heard(b, 'over ssh');
    b.say('back over it');
    await heard(a, 'back over it');
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (let count = 0; count < 2000; count++) {
        from.say(`${count} of many`);
        if (count % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await heard(to, '1999 of many');
      expect(to.seen.filter((text) => text.endsWith(' of many'))).toHaveLength(2000);
    }
  }, 60_000);

  it('by vde_plug over a command', async () => {
    await converge(engineAt(1), network('far'));
    const far = urlOf(labAt(1).places, 'far');
    const topology = network('l', { plugs: [`cmd://ip netns exec ${two} vde_plug ${far}`] });
    await converge(engineAt(0), topology);
    const [a, b] = [await labAt(0).probe(urlOf(labAt(0).places, 'l')), await labAt(1).probe(far)];
    a.say('over a command');
    await heard(b, 'over a command');
    b.say('back over it');
    await heard(a, 'back over it');
  });
});

/** The vde_plug of the only cable of a switch. */
function cablePid(lab: VdeLab, name: string): number {
  return ports(lab, name)[0]?.pid ?? 0;
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Ports of a switch with the process that is plugged into each. */
function ports(lab: VdeLab, name: string): { number: number; pid: number }[] {
  return parsePortTable(tell(lab, name, 'port/allprint').split('\n')).flatMap(({ number, endpoints }) =>
    endpoints.flatMap(({ pid, description }) =>
      pid === undefined || !description.includes('plug-') ? [] : [{ number, pid }],
    ),
  );
}

function isForwarding(lab: VdeLab, name: string, port: number): boolean {
  const line = tell(lab, name, 'vlan/print')
    .split('\n')
    .find((one) => Number(/-- Port 0*(\d+)/.exec(one)?.[1]) === port);
  return line?.includes('Forwarding') === true;
}

function attempt([program = '', ...words]: readonly string[]): boolean {
  try {
    execFileSync(program, words, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function tell(lab: VdeLab, name: string, command: string): string {
  const socket = networkFiles(lab.places, name).managementSocket;
  return execFileSync('socat', ['-', `UNIX-CONNECT:${socket}`], { input: `${command}\n`, encoding: 'utf8' });
}

function portUrl(engine: Engine, topology: Topology, id: string): string {
  const nic = topology.machines.flatMap(({ nics }) => nics).find((one) => one.id === id);
  const found = topology.networks.find(({ name }) => name === nic?.network);
  if (nic === undefined || found === undefined) throw new Error(id);
  const [, netdev = ''] = engine.netdev(nic, found, topology);
  const [, directory, port] = /sock=([^,]+),port=(\d+)/.exec(netdev) ?? [];
  return `vde://${directory}[${port}]`;
}

/**
 * A dropbear in a namespace, whose root has another home there.
 * @returns the command that logs in.
 */
function startSshServer(lab: VdeLab, namespace: string, address: string): string {
  const home = lab.path('home');
  mkdirSync(`${home}/.ssh`, { recursive: true, mode: 0o700 });
  for (const name of ['host', 'client']) {
    execFileSync('dropbearkey', ['-t', 'ed25519', '-f', lab.path(name)], { stdio: 'pipe' });
  }
  const shown = execFileSync('dropbearkey', ['-y', '-f', lab.path('client')], { encoding: 'utf8' });
  const key = shown.split('\n').find((line) => line.startsWith('ssh-')) ?? '';
  writeFileSync(`${home}/.ssh/authorized_keys`, `${key}\n`, { mode: 0o600 });
  chmodSync(home, 0o700);
  const passwd = readFileSync('/etc/passwd', 'utf8').replace(/^root:.*$/m, `root:x:0:0:root:${home}:/bin/sh`);
  writeFileSync(lab.path('passwd'), passwd);
  // ip netns exec has a mount namespace of its own.
  const serve = `mount --bind ${lab.path('passwd')} /etc/passwd; exec dropbear -F -E -s -r ${lab.path('host')} -p ${address}:22`;
  lab.cable(['ip', 'netns', 'exec', namespace, 'sh', '-c', serve]);
  const listens = (): boolean =>
    execFileSync('ip', ['netns', 'exec', namespace, 'ss', '-ltn'], { encoding: 'utf8' }).includes(':22 ');
  for (let waited = 0; !listens() && waited < 50; waited++) execFileSync('sleep', ['0.1']);
  return `dbclient -y -y -i ${lab.path('client')} root@${address}`;
}
