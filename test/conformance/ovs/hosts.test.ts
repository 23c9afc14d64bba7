/** One file, three hosts, each with an Open vSwitch of its own, driven by the command. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkIdentifiers } from '../../../src/topology/overlay.js';
import { KvmHost } from './kvm-host.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { sendWholeChecksums } from '../../lab/offloads.js';

const lacking = lackingForOvs();
const PROJECT = 'mesh';

interface Wishes {
  readonly tunnel?: 'vxlan' | 'geneve';
  /** Host of each machine, a letter each. */
  readonly places?: Readonly<Record<string, string>>;
  /** Another host in the list, which runs nothing of ours. */
  readonly stranger?: string;
}

const PLACES = { a: 'kvm1', b: 'kvm2', c: 'kvm3' };

/** `lab` is `nat` with its gateway on kvm1, `back` an isolated one. Machine `a` has the addresses that end in 11, and so on. */
function fileText({ tunnel = 'vxlan', places = PLACES, stranger }: Wishes = {}): string {
  const machines = Object.entries(places).map(([name, host]) => {
    const last = 11 + 'abcdefgh'.indexOf(name);
    return `  ${name}:
    host: ${host}
    nics:
      - { network: lab, ipv4: 10.90.0.${last}, attach: netns${name === 'c' ? ', forwards: ["9011:9090"]' : ''} }
      - { network: back, ipv4: 10.91.0.${last}, attach: netns }`;
  });
  return `project: ${PROJECT}
engine: ovs
hosts:
  kvm1: 192.0.2.1
  kvm2: 192.0.2.2
  kvm3: { address: 192.0.2.3 }
${stranger === undefined ? '' : `  other: ${stranger}\n`}networks:
  lab: { mode: nat, tunnel: ${tunnel}, ipv4: 10.90.0.0/24, ipv6: "fd00:90::/64" }
  back: { mode: isolated, tunnel: ${tunnel}, ipv4: 10.91.0.0/24${stranger === undefined ? '' : ', gateway-host: other, dhcp: true'} }
machines:
${machines.join('\n')}
`;
}

describe.skipIf(lacking !== undefined)('one file, many hosts', () => {
  let outside: OvsHost;
  let directory: string;
  let file: string;
  const hosts: KvmHost[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'psl-mesh-'));
    file = join(directory, 'passerelle.yaml');
    outside = await OvsHost.start({ switching: false });
    // A switch, and behind it the rest of the world at 192.0.2.254.
    await outside.type(
      'ip link add wire0 type bridge; ip address add 192.0.2.254/24 dev wire0; ip link set wire0 up',
    );
    sendWholeChecksums(outside.namespace, 'wire0');
    for (const [index, name] of ['kvm1', 'kvm2', 'kvm3'].entries()) {
      const host = await KvmHost.start(name, `192.0.2.${index + 1}`, outside, 'wire0');
      hosts.push(host);
      await host.must('ip', 'route', 'add', 'default', 'via', '192.0.2.254');
    }
  });
  afterAll(async () => {
    for (const host of hosts) {
      await host.passerelle(file, 'down', '--purge');
      await host[Symbol.asyncDispose]();
    }
    await outside?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** Each host runs `up` on the file, as its own name says which it is. */
  async function up(wishes: Wishes, among: readonly KvmHost[] = hosts): Promise<void> {
    await writeFile(file, fileText(wishes));
    for (const host of among) await host.up(file, '--allow-disruption');
  }

  function three(): readonly [KvmHost, KvmHost, KvmHost] {
    const [first, second, third] = hosts;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no hosts');
    return [first, second, third];
  }

  it.each(['vxlan', 'geneve'] as const)(
    'machines are neighbours over %s at the full MTU, and a second up changes nothing',
    async (tunnel) => {
      const [first, second, third] = three();
      await up({ tunnel });
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
    },
  );

  it('the gateway lives on one host: its way out, its DHCP with the MTU, its forwards', async () => {
    const [, , third] = three();
    await up({});
    expect(await third.pings(PROJECT, 'c', '192.0.2.254')).toBe(true);

    const script = join(directory, 'lease');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mtu $router"\nexit 0\n', {
      mode: 0o755,
    });
    const links = await third.inside(PROJECT, 'c', 'ip', '-json', 'address', 'show', 'to', '10.90.0.13');
    const [link] = JSON.parse(links.stdout) as { ifname?: string }[];
    const lease = await third.inside(
      PROJECT,
      'c',
      'sh',
      '-c',
      `busybox udhcpc -f -n -q -i ${link?.ifname} -O mtu -s ${script}`,
    );
    expect(lease.stdout).toContain('10.90.0.13 1450 10.90.0.1');

    const server = third.inside(
      PROJECT,
      'c',
      'sh',
      '-c',
      'timeout 20 socat -u TCP4-LISTEN:9090,reuseaddr STDOUT',
    );
    await sleep(500);
    await outside.type('echo through the gateway | socat -u STDIN TCP4:192.0.2.1:9011');
    expect((await server).stdout).toBe('through the gateway\n');
  });

  it('a host without the gateway keeps out of the network, and refuses to be taken for another', async () => {
    const [, second] = three();
    expect((await second.run('ping', '-c', '1', '-W', '1', '10.90.0.1')).status).not.toBe(0);
    expect((await second.run('ping', '-c', '1', '-W', '1', '10.90.0.12')).status).not.toBe(0);
    const unknown = await second.passerelle(file, 'plan', '--host', 'kvm9');
    expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('host/unknown')]);
    expect((await second.passerelle(file, 'netdev', 'a')).stderr).toContain('machine a lives on host kvm1');
  });

  it('a host is cut off and comes back', async () => {
    const [first, , third] = three();
    await outside.run('ip', 'link', 'set', third.wirePort, 'down');
    expect(await first.pings(PROJECT, 'a', '10.90.0.13')).toBe(false);
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(true);
    await outside.run('ip', 'link', 'set', third.wirePort, 'up');
    expect(await first.reaches(PROJECT, 'a', '10.90.0.13', 5)).toBe(true);
  });

  it('a machine moves with its address, and its peers find it within a second although it says nothing', async () => {
    const [first, second, third] = three();
    expect(await third.pings(PROJECT, 'c', '10.90.0.11')).toBe(true);
    await up({ places: { ...PLACES, a: 'kvm2' } }, [first, second]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 1)).toBe(true);
    expect(await second.pings(PROJECT, 'b', '10.90.0.11')).toBe(true);
    expect((await first.passerelle(file, 'netdev', 'a')).stderr).toContain('machine a lives on host kvm2');
    // The old one first, as docs/file.md says: until it lets go there are two of that address, and both speak.
    await up({}, [second, first, third]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 1)).toBe(true);
  });

  it('a host that joins changes only tunnels; a Linux kernel is a host like the others', async () => {
    const [first] = three();
    await writeFile(file, fileText({ places: { ...PLACES, d: 'other' }, stranger: '192.0.2.9' }));
    const planned = await first.passerelle(file, 'plan', '--format', 'json');
    const { steps } = JSON.parse(planned.stdout) as {
      steps: { action: string; id: string; impact: string }[];
    };
    const tunnels = steps.filter(({ id }) => id.includes('/tunnel/'));
    expect(tunnels.map(({ action, id, impact }) => `${action} ${id} ${impact}`).sort()).toEqual([
      'create ovs/tunnel/back/other none',
      'create ovs/tunnel/lab/other none',
    ]);
    // The gateway's host learns besides who the new machine is.
    expect(steps.filter((step) => !tunnels.includes(step)).map(({ id }) => id)).toEqual([
      'ovs/dhcp-host/d/0',
    ]);
    for (const host of hosts) await host.up(file);

    const identifier = networkIdentifiers(PROJECT, ['lab', 'back']).get('lab');
    await outside.type(
      [
        'ip address add 192.0.2.9/24 dev wire0',
        `ip link add vx0 mtu 1450 type vxlan id ${identifier} local 192.0.2.9 dstport 4789`,
        ...hosts.map(({ address }) => `bridge fdb append 00:00:00:00:00:00 dev vx0 dst ${address}`),
        'ip address add 10.90.0.14/24 dev vx0',
        'ip link set vx0 up',
      ].join('; '),
    );
    for (const last of [11, 12, 13]) await outside.run('ping', '-c', '1', '-W', '2', `10.90.0.${last}`);

    await writeFile(file, fileText());
    const left = await first.passerelle(file, 'plan', '--format', 'json');
    const leaving = JSON.parse(left.stdout) as { steps: { action: string; id: string }[] };
    expect(new Set(leaving.steps.map(({ action }) => action))).toEqual(new Set(['delete']));
  });
});
