/** One file, three hosts with a fabric each, and one with an Open vSwitch, driven by the command. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendWholeChecksums } from '../../lab/offloads.js';
import { KvmHost } from '../ovs/kvm-host.js';
import { lackingForOvs, OvsHost } from '../ovs/ovs-host.js';

const lacking = lackingForOvs();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);
const PROJECT = `umesh${process.pid.toString(36)}`;
const PLACES = { a: 'kvm1', b: 'kvm2', c: 'kvm3' };

/** `lab` is `nat` with its gateway on kvm1, `back` an isolated one. Machine `a` has the addresses that end in 11, and so on. */
function fileText(places: Readonly<Record<string, string>> = PLACES, network = ''): string {
  const machines = Object.entries(places).map(([name, host]) => {
    const last = 11 + 'abcdefgh'.indexOf(name);
    return `  ${name}:
    host: ${host}
    nics:
      - { network: lab, ipv4: 10.90.0.${last}, attach: netns${name === 'c' ? ', forwards: ["9011:9090"]' : ''} }
      - { network: back, ipv4: 10.91.0.${last}, attach: netns }`;
  });
  return `project: ${PROJECT}
engine: user
hosts:
  kvm1: 192.0.2.1
  kvm2: 192.0.2.2
  kvm3: 192.0.2.3
  kvm4: 192.0.2.4
networks:
  lab: { mode: nat, ipv4: 10.90.0.0/24, ipv6: "fd00:90::/64"${network} }
  back: { mode: isolated, ipv4: 10.91.0.0/24 }
machines:
${machines.join('\n')}
`;
}

describe.skipIf(lacking !== undefined)('one file, many fabrics', () => {
  let outside: OvsHost;
  let directory: string;
  let file: string;
  let hosts: [KvmHost, KvmHost, KvmHost];
  const standing: KvmHost[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'psl-umesh-'));
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
  });
  afterAll(async () => {
    for (const host of standing) {
      await host.passerelle(file, 'down', '--purge', '--engine', host.name === 'kvm4' ? 'ovs' : 'user');
      await host[Symbol.asyncDispose]();
    }
    await outside?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** Each host runs `up` on the file, as its own name says which it is. */
  async function up(places = PLACES, among: readonly KvmHost[] = hosts): Promise<void> {
    await writeFile(file, fileText(places));
    for (const host of among) await host.up(file, '--allow-disruption');
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
  });

  it('the gateway lives on one host: its way out, its DHCP with the MTU, its names, its forwards', async () => {
    const [first, second, third] = hosts;
    expect((await first.passerelle(file, 'status')).stdout).toContain('lab: VXLAN to 192.0.2.3');
    const server = outside
      .type("timeout 20 socat -u TCP4-LISTEN:80,reuseaddr SYSTEM:'cat >&2'")
      .catch(() => '');
    await expect
      .poll(
        async () => {
          const line = 'echo out | timeout 3 socat -u STDIN TCP4:192.0.2.254:80';
          return (await third.inside(PROJECT, 'c', 'sh', '-c', line)).status;
        },
        { timeout: 15_000 },
      )
      .toBe(0);
    await server;
    const script = join(directory, 'lease');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mtu $router"\nexit 0\n', {
      mode: 0o755,
    });
    const links = await third.inside(PROJECT, 'c', 'ip', '-json', 'address', 'show', 'to', '10.90.0.13');
    const [link] = JSON.parse(links.stdout) as { ifname?: string }[];
    const ask = `busybox udhcpc -f -n -q -i ${link?.ifname} -O mtu -s ${script}`;
    const lease = await third.inside(PROJECT, 'c', 'sh', '-c', ask);
    expect(lease.stdout).toContain('10.90.0.13 1450 10.90.0.1');
    const name = await second.inside(
      PROJECT,
      'b',
      'busybox',
      'nslookup',
      `c.${PROJECT}.internal`,
      '10.90.0.1',
    );
    expect(name.stdout).toContain('10.90.0.13');

    const listener = third.inside(PROJECT, 'c', 'timeout', '20', 'socat', '-u', 'TCP4-LISTEN:9090', 'STDOUT');
    await sleep(500);
    await outside.type('echo through the gateway | socat -u STDIN TCP4:192.0.2.1:9011');
    expect((await listener).stdout).toBe('through the gateway\n');
  });

  it('a machine cannot take the address of a gateway that is another host’s', async () => {
    const [, second, third] = hosts;
    const device = (
      await second.inside(PROJECT, 'b', 'sh', '-c', 'ip -o -4 address show to 10.90.0.12')
    ).stdout.split(' ')[1];
    await second.inside(PROJECT, 'b', 'ip', 'address', 'add', '10.90.0.1/32', 'dev', device ?? '');
    await second.inside(PROJECT, 'b', 'ping', '-c', '1', '-W', '1', '-I', '10.90.0.1', '10.90.0.13');
    await third.inside(PROJECT, 'c', 'ip', 'neigh', 'flush', 'all');
    expect(await third.pings(PROJECT, 'c', '10.90.0.1')).toBe(true);
    await second.inside(PROJECT, 'b', 'ip', 'address', 'del', '10.90.0.1/32', 'dev', device ?? '');
    expect((await second.passerelle(file, 'status')).stdout).toMatch(/spoofed-(arp|ipv4) [1-9]/);
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
    expect(await third.pings(PROJECT, 'c', '10.90.0.11')).toBe(true);
    await up({ ...PLACES, a: 'kvm2' }, [first, second]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 1)).toBe(true);
    expect(await second.pings(PROJECT, 'b', '10.90.0.11')).toBe(true);
    expect((await first.passerelle(file, 'netdev', 'a')).stderr).toContain('machine a lives on host kvm2');
    await up({ ...PLACES }, [second, first]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 1)).toBe(true);
  });

  it('a host with an Open vSwitch takes part, by the same file', async () => {
    const [first, second] = hosts;
    const places = { ...PLACES, d: 'kvm4' };
    await up(places);
    await standing[3]!.up(file, '--engine', 'ovs', '--allow-disruption');
    for (const subnet of ['10.90.0', '10.91.0']) {
      expect(await first.reaches(PROJECT, 'a', `${subnet}.14`, 3), subnet).toBe(true);
      expect(await second.pings(PROJECT, 'b', `${subnet}.14`), subnet).toBe(true);
      expect(await standing[3]!.pings(PROJECT, 'd', `${subnet}.13`), subnet).toBe(true);
    }
    expect(await standing[3]!.pings(PROJECT, 'd', '10.90.0.1')).toBe(true);
    await up();
  });

  it('refuses what it cannot do, with the place', async () => {
    const [first] = hosts;
    const told = async (network: string, ...words: string[]): Promise<string> => {
      await writeFile(file, fileText(PLACES, network));
      const { status, stdout, stderr } = await first.passerelle(file, 'plan', ...words);
      expect(status).toBe(2);
      return stdout + stderr;
    };
    expect(await told(', tunnel: geneve')).toMatch(/:9:71: error: .*user\/no-such-tunnel/);
    expect(await told(', vxlan: { id: 7, peers: [192.0.2.9] }')).toContain('user/vxlan-and-hosts');
    await writeFile(file, fileText());
    const wrong = await first.passerelle(file, 'up', '--host', 'kvm2');
    expect(wrong.stdout + wrong.stderr).toContain('user/underlay-not-here');
  });
});
