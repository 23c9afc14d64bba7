/** One file, three hosts with kernel bridges, one with an Open vSwitch and one with a fabric, driven by the command. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkIdentifiers } from '../../../src/topology/overlay.js';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests } from '../../lab/guest.js';
import { sendWholeChecksums } from '../../lab/offloads.js';
import { KvmHost, type Outcome, PASSERELLE } from '../ovs/kvm-host.js';
import { lackingForOvs, OvsHost } from '../ovs/ovs-host.js';
import { strangersFrame } from './strangers-frame.js';

const lacking = lackingForOvs();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);
const PROJECT = `lmesh${process.pid.toString(36)}`;
const PLACES = { a: 'kvm1', b: 'kvm2', c: 'kvm3' };
/** Machines that are QEMU's, on taps. */
const GUESTS = new Set(['g', 'h']);

interface Wishes {
  readonly project?: string;
  /** Host of each machine, a letter each; machine `a` has the addresses that end in 11, and so on. */
  readonly places?: Readonly<Record<string, string>>;
  /** More keys of the network `lab`. */
  readonly lab?: string;
}

/** `lab` is `nat` with its gateway on kvm1, `back` an isolated one with its DHCP server there. */
function fileText({ project = PROJECT, places = PLACES, lab = '' }: Wishes = {}): string {
  const machines = Object.entries(places).map(([name, host]) => {
    const last = 11 + 'abcdefgh'.indexOf(name);
    const attach = GUESTS.has(name) ? '' : ', attach: netns';
    return `  ${name}:
    host: ${host}
    nics:
      - { network: lab, ipv4: 10.90.0.${last}${attach}${name === 'c' ? ', forwards: ["9011:9090"]' : ''} }
      - { network: back, ipv4: 10.91.0.${last}${attach} }`;
  });
  return `project: ${project}
engine: linux
hosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2, kvm3: 192.0.2.3, kvm4: 192.0.2.4, kvm5: 192.0.2.5 }
networks:
  lab: { mode: nat, ipv4: 10.90.0.0/24, ipv6: "fd00:90::/64"${lab} }
  back: { mode: isolated, ipv4: 10.91.0.0/24, dhcp: true }
machines:
${machines.join('\n')}
`;
}

interface Step {
  readonly action: string;
  readonly id: string;
  readonly impact: string;
}

describe.skipIf(lacking !== undefined)('one file, many kernels', { timeout: 120_000 }, () => {
  let outside: OvsHost;
  let directory: string;
  let file: string;
  let hosts: [KvmHost, KvmHost, KvmHost];
  const standing: KvmHost[] = [];
  const identifier = networkIdentifiers(PROJECT, ['lab', 'back']).get('lab') ?? 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'psl-lmesh-'));
    file = join(directory, 'passerelle.yaml');
    outside = await OvsHost.start({ switching: false });
    await outside.type(
      'ip link add wire0 type bridge; ip address add 192.0.2.254/24 dev wire0; ip link set wire0 up',
    );
    sendWholeChecksums(outside.namespace, 'wire0');
    const start = async (index: number, switching: boolean): Promise<KvmHost> => {
      const host = await KvmHost.start(`kvm${index}`, `192.0.2.${index}`, outside, 'wire0', switching);
      standing.push(host);
      await host.must('ip', 'route', 'add', 'default', 'via', '192.0.2.254');
      return host;
    };
    hosts = [await start(1, false), await start(2, false), await start(3, false)];
    await start(4, true);
    await start(5, false);
  });
  afterAll(async () => {
    await stopAllGuests();
    const engines: Readonly<Record<string, string>> = { kvm4: 'ovs', kvm5: 'user' };
    for (const host of standing) {
      await host.passerelle(file, 'down', '--purge', '--engine', engines[host.name] ?? 'linux');
      await host[Symbol.asyncDispose]();
    }
    await outside?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** Each host runs `up` on the file, as its own name says which it is. */
  async function up(wishes: Wishes = {}, among: readonly KvmHost[] = hosts): Promise<void> {
    await writeFile(file, fileText(wishes));
    for (const host of among) await host.up(file, '--allow-disruption');
  }

  async function stepsOf(host: KvmHost): Promise<readonly Step[]> {
    const { stdout } = await host.passerelle(file, 'plan', '--format', 'json');
    return (JSON.parse(stdout) as { steps: Step[] }).steps;
  }

  /** Name of the device by which `lab` goes on at other hosts. */
  async function tunnelOf(host: KvmHost, network = 'lab'): Promise<string> {
    const line = await host.must(
      'ip',
      '-o',
      'link',
      'show',
      'dev',
      `passerelle:${PROJECT}:tunnel:${network}`,
    );
    return /^\d+: ([^:@]+)/.exec(line)?.[1] ?? '';
  }

  function strangers(words: Partial<Parameters<typeof strangersFrame>[0]> = {}): string {
    const defaults = { source: '192.0.2.254', target: '192.0.2.1', identifier, fragmented: false };
    return strangersFrame({ ...defaults, ...words });
  }

  /** What machine `a` has heard at the end of the port that strangers send to. */
  async function heardBy(host: KvmHost, project: string, send: () => Promise<unknown>): Promise<string> {
    const listener = host.inside(project, 'a', 'timeout', '2', 'socat', '-u', 'UDP4-RECV:7777', 'STDOUT');
    await sleep(700);
    await send();
    return (await listener).stdout;
  }

  it('machines are neighbours at the full MTU, and a second up changes nothing', async () => {
    const [first, second, third] = hosts;
    await up();
    for (const subnet of ['10.90.0', '10.91.0']) {
      expect(await first.pings(PROJECT, 'a', `${subnet}.12`), `${subnet} a to b`).toBe(true);
      expect(await first.pings(PROJECT, 'a', `${subnet}.13`), `${subnet} a to c`).toBe(true);
      expect(await second.pings(PROJECT, 'b', `${subnet}.13`), `${subnet} b to c`).toBe(true);
    }
    // 1450 bytes of IP, told not to be fragmented; one more does not fit.
    expect(await third.pings(PROJECT, 'c', '10.90.0.11', '-M', 'do', '-s', '1422')).toBe(true);
    expect(await third.pings(PROJECT, 'c', '10.90.0.11', '-M', 'do', '-s', '1423')).toBe(false);
    expect(await third.pings(PROJECT, 'c', 'fd00:90::1')).toBe(true);
    for (const host of hosts) expect(await host.passerelle(file, 'plan')).toMatchObject({ status: 0 });
    const { stdout } = await second.passerelle(file, 'status');
    expect(stdout).toMatch(
      new RegExp(`lab: VXLAN ${identifier} to 192.0.2.1, 192.0.2.3, [1-9]\\d* frames in, [1-9]`),
    );
  });

  it('the gateway lives on one host: its way out, its DHCP with the MTU, its names, its forwards', async () => {
    const [, second, third] = hosts;
    expect(await third.pings(PROJECT, 'c', '192.0.2.254')).toBe(true);
    const script = join(directory, 'lease');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mtu $router"\nexit 0\n', {
      mode: 0o755,
    });
    const lease = async (device: string): Promise<string> => {
      const ask = `busybox udhcpc -f -n -q -i ${device} -O mtu -s ${script}`;
      return (await third.inside(PROJECT, 'c', 'sh', '-c', ask)).stdout;
    };
    expect(await lease('eth0')).toContain('10.90.0.13 1450 10.90.0.1');
    // The server of the isolated network is in a namespace there, and names no router.
    expect(await lease('eth1')).toContain('10.91.0.13 1450 \n');
    const name = `c.${PROJECT}.internal`;
    const answer = await second.inside(PROJECT, 'b', 'busybox', 'nslookup', name, '10.90.0.1');
    expect(answer.stdout).toContain('10.90.0.13');
    const gatewayParts = async (host: KvmHost): Promise<readonly boolean[]> => [
      (await host.must('ip', '-4', 'address', 'show')).includes('10.90.0.1/24'),
      (await host.must('ss', '-Hulnp', 'sport = :53')).includes('dnsmasq'),
    ];
    expect(await Promise.all(hosts.map(gatewayParts))).toEqual([
      [true, true],
      [false, false],
      [false, false],
    ]);

    const listener = third.inside(PROJECT, 'c', 'timeout', '20', 'socat', '-u', 'TCP4-LISTEN:9090', 'STDOUT');
    await sleep(500);
    await outside.type('echo through the gateway | socat -u STDIN TCP4:192.0.2.1:9011');
    expect((await listener).stdout).toBe('through the gateway\n');
  });

  it('hosts keep out: of the isolated network each, of the other one those without its gateway', async () => {
    const [first, second, third] = hosts;
    const bridgeOf = async (host: KvmHost, network: string): Promise<string> => {
      const line = await host.must(
        'ip',
        '-o',
        'link',
        'show',
        'dev',
        `passerelle:${PROJECT}:bridge:${network}`,
      );
      return /^\d+: ([^:@]+)/.exec(line)?.[1] ?? '';
    };
    const cases = [
      [first, 'back', '10.91.0'],
      [second, 'back', '10.91.0'],
      [third, 'back', '10.91.0'],
      [second, 'lab', '10.90.0'],
      [third, 'lab', '10.90.0'],
    ] as const;
    /** Which machines answer the host, whatever address and route it gives itself. */
    const answers = async (host: KvmHost, network: string, subnet: string): Promise<readonly boolean[]> => {
      const device = await bridgeOf(host, network);
      await host.must('ip', 'address', 'add', `${subnet}.77/24`, 'dev', device);
      const answered = await Promise.all(
        [11, 12, 13].map(async (last) => {
          const ping = await host.run('ping', '-c', '1', '-W', '1', '-I', device, `${subnet}.${last}`);
          return ping.status === 0;
        }),
      );
      await host.must('ip', 'address', 'del', `${subnet}.77/24`, 'dev', device);
      return answered;
    };
    for (const [host, network, subnet] of cases)
      expect(await answers(host, network, subnet), `${host.name} on ${network}`).toEqual([
        false,
        false,
        false,
      ]);
    // By what keeps it out, and by nothing else.
    await second.must('nft', 'delete', 'table', 'netdev', `passerelle.${PROJECT}.linux`);
    expect(await answers(second, 'lab', '10.90.0')).toEqual([true, true, true]);
    await second.up(file);
    const { status } = await second.run('ping', '-c', '1', '-W', '1', '10.90.0.1');
    expect(status).not.toBe(0);
  });

  it('a frame of a stranger goes nowhere, and is counted; without the rule it would arrive', async () => {
    const [first] = hosts;
    for (const fragmented of [false, true]) {
      const frame = strangers({ fragmented });
      expect(await heardBy(first, PROJECT, () => outside.type(frame)), `fragmented ${fragmented}`).toBe('');
    }
    // A host of the project that the network is not on is one too.
    const elsewhere = standing[4]!;
    const frame = strangers({ source: elsewhere.address });
    expect(await heardBy(first, PROJECT, () => elsewhere.ovs.type(frame))).toBe('');
    const told = (await first.passerelle(file, 'status')).stdout;
    expect(told).toMatch(/3 packets have ended here: it came for a tunnel of ours .*\(not-a-peer\)/);

    await first.must('nft', 'flush', 'chain', 'inet', `passerelle.${PROJECT}.linux.tunnels`, 'arrival');
    for (const fragmented of [false, true]) {
      const frame = strangers({ fragmented });
      expect(await heardBy(first, PROJECT, () => outside.type(frame)), `fragmented ${fragmented}`).toContain(
        'stranger',
      );
    }
    expect((await stepsOf(first)).map(({ id }) => id)).toEqual(['linux/nft-table/tunnels']);
    await first.up(file);
    expect(await heardBy(first, PROJECT, () => outside.type(strangers()))).toBe('');
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(true);
  });

  it('a host is cut off and comes back', async () => {
    const [first, , third] = hosts;
    await outside.run('ip', 'link', 'set', third.wirePort, 'down');
    expect(await first.pings(PROJECT, 'a', '10.90.0.13')).toBe(false);
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(true);
    await outside.run('ip', 'link', 'set', third.wirePort, 'up');
    expect(await first.reaches(PROJECT, 'a', '10.90.0.13', 5)).toBe(true);
  });

  it('a machine moves with its address, and its peers find it within a second although it says nothing', async () => {
    const [first, second, third] = hosts;
    for (const subnet of ['10.90.0', '10.91.0'])
      expect(await third.pings(PROJECT, 'c', `${subnet}.11`), subnet).toBe(true);
    await up({ places: { ...PLACES, a: 'kvm2' } }, [first, second]);
    for (const subnet of ['10.90.0', '10.91.0'])
      expect(await third.reaches(PROJECT, 'c', `${subnet}.11`, 1), subnet).toBe(true);
    expect(await second.pings(PROJECT, 'b', '10.90.0.11')).toBe(true);
    expect((await first.passerelle(file, 'netdev', 'a')).stderr).toContain('machine a lives on host kvm2');
    await up({}, [second, first, third]);
    for (const subnet of ['10.90.0', '10.91.0'])
      expect(await third.reaches(PROJECT, 'c', `${subnet}.11`, 1), subnet).toBe(true);
  });

  it('hosts that join and leave change entries only, and a transfer goes on', async () => {
    const [first, second] = hosts;
    const device = await tunnelOf(first);
    const number = await first.must('cat', `/sys/class/net/${device}/ifindex`);
    const received = join(directory, 'received');
    const listener = second.inside(
      PROJECT,
      'b',
      'timeout',
      '60',
      'socat',
      '-u',
      'TCP4-LISTEN:9500',
      `CREATE:${received}`,
    );
    await sleep(500);
    const paced = 'for i in $(seq 40); do head -c 200000 /dev/zero; sleep 0.2; done';
    const sender = first.inside(
      PROJECT,
      'a',
      'sh',
      '-c',
      `{ ${paced}; } | socat -u STDIN TCP4:10.90.0.12:9500`,
    );
    await sleep(500);

    await writeFile(file, fileText({ places: { ...PLACES, d: 'kvm4' } }));
    const joining = (await stepsOf(first)).map(({ action, id, impact }) => `${action} ${id} ${impact}`);
    expect(joining.filter((step) => step.includes('/tunnel')).sort()).toEqual([
      'update linux/tunnel-peers/back live',
      'update linux/tunnel-peers/lab live',
      'update linux/tunnel/back live',
      'update linux/tunnel/lab live',
    ]);
    // The gateway's host learns besides who the new machine is, and lets its host through the firewalls of others.
    expect(
      joining
        .filter((step) => !step.includes('/tunnel'))
        .map((step) => step.split(' ')[1] ?? '')
        .sort(),
    ).toEqual(['linux/admission/back', 'linux/admission/lab', 'linux/dhcp-host/d/0', 'linux/dhcp-host/d/1']);
    for (const host of hosts) await host.up(file);
    expect(await first.must('bridge', 'fdb', 'show', 'dev', device)).toContain('dst 192.0.2.4 ');
    await up();
    expect(await first.must('bridge', 'fdb', 'show', 'dev', device)).not.toContain('dst 192.0.2.4 ');
    expect(await first.must('cat', `/sys/class/net/${device}/ifindex`)).toBe(number);

    expect((await sender).status).toBe(0);
    await listener;
    expect((await readFile(received)).length).toBe(40 * 200_000);
  });

  it('hosts with an Open vSwitch and with a fabric take part, by the same file', async () => {
    const [first, second] = hosts;
    const [switched, woven] = [standing[3]!, standing[4]!];
    await up({ places: { ...PLACES, d: 'kvm4', e: 'kvm5' } });
    await switched.up(file, '--engine', 'ovs', '--allow-disruption');
    await woven.up(file, '--engine', 'user', '--allow-disruption');
    for (const subnet of ['10.90.0', '10.91.0']) {
      for (const last of [14, 15]) {
        expect(await first.reaches(PROJECT, 'a', `${subnet}.${last}`, 3), `a to ${subnet}.${last}`).toBe(
          true,
        );
        expect(await second.pings(PROJECT, 'b', `${subnet}.${last}`), `b to ${subnet}.${last}`).toBe(true);
      }
      expect(await switched.pings(PROJECT, 'd', `${subnet}.13`), subnet).toBe(true);
      expect(await woven.pings(PROJECT, 'e', `${subnet}.13`), subnet).toBe(true);
    }
    expect(await switched.pings(PROJECT, 'd', '10.90.0.1')).toBe(true);
    expect(await woven.pings(PROJECT, 'e', '10.90.0.1')).toBe(true);
    // Bytes in bulk too: checksums and sizes are right in both directions.
    for (const [host, machine, last] of [
      [switched, 'd', 14],
      [woven, 'e', 15],
    ] as const) {
      expect(await transferred(first, 'a', host, machine, last), `a to ${machine}`).toBe('4194304\n');
      expect(await transferred(host, machine, first, 'a', 11), `${machine} to a`).toBe('4194304\n');
    }
    // From one engine to another in one `up`, and back: the port of the tunnels is free in time.
    for (const engine of ['linux', 'user']) {
      await woven.up(file, '--engine', engine, '--allow-disruption');
      expect(await first.reaches(PROJECT, 'a', '10.90.0.15', 3), engine).toBe(true);
    }
    await up();
  });

  /** How many of 4 MiB arrive from one machine at another. */
  async function transferred(
    from: KvmHost,
    sender: string,
    to: KvmHost,
    receiver: string,
    last: number,
  ): Promise<string> {
    const counted = to.inside(
      PROJECT,
      receiver,
      'sh',
      '-c',
      'timeout 20 socat -u TCP4-LISTEN:9600,reuseaddr STDOUT | wc -c',
    );
    await sleep(500);
    const line = `head -c 4194304 /dev/zero | timeout 20 socat -u STDIN TCP4:10.90.0.${last}:9600`;
    await from.inside(PROJECT, sender, 'sh', '-c', line);
    return (await counted).stdout;
  }

  it('passes the firewalls of others, no wider than its peers, and leaves them as they were', async () => {
    const [first, second] = hosts;
    await second.must(
      'nft',
      'add table inet others; add chain inet others entry { type filter hook input priority 0; policy drop; }; add rule inet others entry ct state established,related accept; add rule inet others entry icmp type echo-request accept',
    );
    const before = await second.must('nft', 'list', 'table', 'inet', 'others');
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(false);
    await second.up(file);
    expect(await first.reaches(PROJECT, 'a', '10.90.0.12', 2)).toBe(true);
    const opened = await second.must('nft', '-a', 'list', 'table', 'inet', 'others');
    expect(opened).toMatch(/ip saddr 192\.0\.2\.1 udp dport 4789 .*accept/);
    expect(opened).not.toMatch(/\n\s*udp dport 4789 /);
    expect(await second.passerelle(file, 'plan')).toMatchObject({ status: 0 });
    const closed = await second.passerelle(file, 'down');
    expect(closed.status).toBe(0);
    expect(await second.must('nft', 'list', 'table', 'inet', 'others')).toBe(before);
    await second.must('nft', 'delete', 'table', 'inet', 'others');
    await second.up(file);
  });

  it('sees and mends what was changed by hand', async () => {
    const [first] = hosts;
    const device = await tunnelOf(first);
    const flood = (verb: string, peer: string): string =>
      `bridge fdb ${verb} 00:00:00:00:00:00 dev ${device} dst ${peer}`;
    const edits = [
      flood('del', '192.0.2.2'),
      flood('append', '192.0.2.99'),
      flood('append', '192.0.2.99 port 4790'),
      `ip link set ${device} nomaster`,
      `ip link set ${device} down`,
      `ip link set ${device} mtu 1400`,
      `ip link set ${device} type vxlan nolearning`,
      `ip link delete ${device}`,
      `nft flush set inet passerelle.${PROJECT}.linux.tunnels peers4`,
    ];
    for (const edit of edits) {
      await first.must('sh', '-c', edit);
      expect((await first.passerelle(file, 'plan')).status, edit).toBe(3);
      await first.up(file, '--allow-disruption');
      expect((await first.passerelle(file, 'plan')).status, edit).toBe(0);
      expect(await first.reaches(PROJECT, 'a', '10.90.0.12', 2), edit).toBe(true);
    }
  });

  it('the commands that the plan prints make a host what `up` makes it', async () => {
    const [first, , third] = hosts;
    expect((await third.passerelle(file, 'down')).status).toBe(0);
    const planned = await third.passerelle(file, 'plan', '--commands');
    expect(planned.stdout).toContain('bridge fdb append 00:00:00:00:00:00 dev ');
    const script = join(directory, 'commands.sh');
    await writeFile(script, planned.stdout.split('\n').filter(isCommand).join('\n'));
    const typed = await third.run('sh', '-e', script);
    expect(typed, planned.stdout).toMatchObject({ status: 0 });
    expect(await first.reaches(PROJECT, 'a', '10.90.0.13', 2)).toBe(true);
    const left = (await stepsOf(third)).map(({ id }) => id.split('/')[1]);
    // These write down what they do.
    const ofHost = ['uplink-forwarding', 'bridge-netfilter', 'admission'];
    expect(left.filter((kind) => !ofHost.includes(kind ?? ''))).toEqual([]);
    await third.up(file);
  });

  it('two projects share a host and the port, and each goes alone; nothing is left', async () => {
    const [first, second] = hosts;
    const other = join(directory, 'other.yaml');
    const project = `${PROJECT}x`;
    await writeFile(
      other,
      fileText({ project }).replaceAll('10.9', '10.19').replaceAll('fd00:90', 'fd00:190'),
    );
    const before = await leftovers(second);
    for (const host of [first, second]) await host.up(other);
    expect(await first.pings(project, 'a', '10.190.0.12')).toBe(true);
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(true);
    for (const host of [first, second]) expect((await host.passerelle(other, 'down')).status).toBe(0);
    expect(await leftovers(second)).toBe(before);
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(true);

    expect((await second.passerelle(file, 'down')).status).toBe(0);
    const bare = await leftovers(second);
    expect(bare).not.toMatch(/psl|passerelle|vxlan/);
    await second.up(file);
  });

  /** Links, forwarding entries and tables of the host. */
  async function leftovers(host: KvmHost): Promise<string> {
    const line =
      'ip -o link | cut -d: -f2 | sort; bridge fdb show state permanent | sort; nft list tables; ip netns';
    return host.must('sh', '-c', line);
  }

  it('real guests are neighbours, with addresses from the other host, and one moves', async () => {
    const [first, second, third] = hosts;
    const signal = AbortSignal.timeout(110_000);
    await stopAllGuests();
    await buildMicroGuest(signal);
    const boot = async (host: KvmHost, name: string): Promise<Guest> => {
      const words = (await host.must(PASSERELLE, 'netdev', '-f', file, name)).trim().split(/\s+/);
      const nics = [words.slice(0, 4), words.slice(4)];
      const within = ['ip', 'netns', 'exec', host.ovs.namespace];
      const guest = await startGuest(
        { name, nics, within, setup: ['nic1=none'], programs: ['iperf3'] },
        signal,
      );
      await guest.ready();
      return guest;
    };
    await up({ places: { ...PLACES, g: 'kvm2', h: 'kvm3' } });
    const [g, h] = await Promise.all([boot(second, 'g'), boot(third, 'h')]);
    // Of the server on kvm1, with the MTU of a tunnel.
    expect(await g.must('ip -4 address show eth0')).toContain('10.90.0.17/24');
    expect(await h.must('ip link show eth0')).toContain('mtu 1450');
    expect(await g.must('ping -c 1 -W 2 10.90.0.18 && ping -c 1 -W 2 10.90.0.11')).toContain(
      '1 packets received',
    );
    await h.must('iperf3 -s -D -1');
    const told = await g.must('iperf3 -c 10.90.0.18 -n 16M', { timeoutMs: 30_000 });
    // What the sender's socket still holds at the end is not counted.
    expect(Number(/([\d.]+) MBytes .* receiver/.exec(told)?.[1]), told).toBeGreaterThan(12);

    await g.stop();
    await up({ places: { ...PLACES, g: 'kvm1', h: 'kvm3' } }, [second, first, third]);
    const moved = await boot(first, 'g');
    expect(await moved.must('ip -4 address show eth0')).toContain('10.90.0.17/24');
    expect(await h.must('ping -c 1 -W 1 10.90.0.17')).toContain('1 packets received');
    await Promise.all([moved.stop(), h.stop()]);
    await up();
  });

  it('refuses what it cannot do, with the place', async () => {
    const [first] = hosts;
    const text = ({ stdout, stderr }: Outcome): string => stdout + stderr;
    await writeFile(file, fileText({ lab: ', tunnel: geneve' }));
    const geneve = await first.passerelle(file, 'plan');
    expect([geneve.status, text(geneve)]).toEqual([
      2,
      expect.stringMatching(/:5:\d+: error: .*linux\/no-such-tunnel/),
    ]);
    await writeFile(file, fileText());
    const wrong = await first.passerelle(file, 'up', '--host', 'kvm2');
    expect([wrong.status, text(wrong)]).toEqual([2, expect.stringContaining('linux/underlay-not-here')]);

    expect((await first.passerelle(file, 'down')).status).toBe(0);
    await first.must('sh', '-c', `ip link add theirs type vxlan id ${identifier} dstport 4789`);
    const taken = await first.passerelle(file, 'up');
    expect([taken.status, text(taken)]).toEqual([
      2,
      expect.stringContaining('linux/tunnel-identifier-taken'),
    ]);
    await first.must('ip', 'link', 'delete', 'theirs');

    const isRefused = async (): Promise<void> => {
      const before = await leftovers(first);
      const refused = await first.passerelle(file, 'up');
      expect([refused.status, text(refused)]).toEqual([
        1,
        expect.stringContaining('has the UDP port of the tunnel'),
      ]);
      expect(await leftovers(first)).toBe(before);
    };
    const program = inHost(first, ['socat', '-u', 'UDP4-RECV:4789', 'STDOUT']);
    await sleep(500);
    await isRefused();
    program.kill('SIGKILL');
    await once(program, 'exit');
    // As Open vSwitch has it with the kernel's datapath: one device for every identifier.
    await first.must('sh', '-c', 'ip link add all0 type vxlan external dstport 4789; ip link set all0 up');
    await isRefused();
    await first.must('ip', 'link', 'delete', 'all0');
    await first.up(file);
  });

  /** A program that goes on in the background on the host. */
  function inHost(host: KvmHost, argv: readonly string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', host.ovs.namespace, ...argv], { stdio: 'ignore' });
  }

  it('works over IPv6 between the hosts too, and keeps strangers out there', async () => {
    const [first, second] = hosts;
    for (const [index, host] of [first, second].entries())
      await host.must('ip', 'address', 'add', `2001:db8:2::${index + 1}/64`, 'dev', 'eth0', 'nodad');
    await outside.type('ip address add 2001:db8:2::fe/64 dev wire0 nodad');
    const project = `${PROJECT}six`;
    const sixth = join(directory, 'six.yaml');
    await writeFile(
      sixth,
      `project: ${project}
engine: linux
hosts: { kvm1: "2001:db8:2::1", kvm2: "2001:db8:2::2" }
networks: { srv: { mode: routed, ipv4: 10.92.0.0/24, ipv6: "fd00:92::/64" } }
machines:
  a: { host: kvm1, nics: [{ network: srv, ipv4: 10.92.0.11, attach: netns }] }
  b: { host: kvm2, nics: [{ network: srv, ipv4: 10.92.0.12, attach: netns }] }
`,
    );
    for (const host of [first, second]) await host.up(sixth);
    expect(await first.pings(project, 'a', '10.92.0.12', '-M', 'do', '-s', '1402')).toBe(true);
    expect(await first.pings(project, 'a', '10.92.0.12', '-M', 'do', '-s', '1403')).toBe(false);
    // Routed, from the host without the gateway: the world answers the machine itself.
    await outside.type('ip route add 10.92.0.0/24 via 192.0.2.1');
    expect(await second.pings(project, 'b', '192.0.2.254')).toBe(true);

    const vni = networkIdentifiers(project, ['srv']).get('srv') ?? 0;
    const send = (fragmented: boolean) => async (): Promise<unknown> => {
      const ends = { source: '2001:db8:2::fe', target: '2001:db8:2::1' };
      return outside.type(strangersFrame({ ...ends, identifier: vni, fragmented }));
    };
    const table = ['inet', `passerelle.${project}.linux.tunnels`];
    for (const fragmented of [false, true])
      expect(await heardBy(first, project, send(fragmented)), `fragmented ${fragmented}`).toBe('');
    expect(await first.must('nft', 'list', 'table', ...table)).toMatch(/counter packets 2 .*not-a-peer/);
    await first.must('nft', 'flush', 'chain', ...table, 'arrival');
    for (const fragmented of [false, true])
      expect(await heardBy(first, project, send(fragmented)), `${fragmented}`).toContain('stranger');
    for (const host of [first, second]) expect((await host.passerelle(sixth, 'down')).status).toBe(0);
  });
});

function isCommand(line: string): boolean {
  return /^\s*(?:ip|nft|sysctl|bridge|for|mkdir|cat|dnsmasq|install|printf)\b/.test(line);
}
