/** One file, three hosts, one OVN: each host runs the command on the file, as its own name says which it is. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendWholeChecksums } from '../../lab/offloads.js';
import { KvmHost, PASSERELLE } from '../ovs/kvm-host.js';
import { OvsHost } from '../ovs/ovs-host.js';
import { lackingForOvn, OvnHost } from './ovn-host.js';

const lacking = lackingForOvn();
const PROJECT = 'ovnmesh';
const PLACES = { a: 'kvm1', b: 'kvm2', c: 'kvm3' };

/** `lab` is `nat` with its gateway on kvm1. Machine `a` has the addresses that end in 11, and so on. */
function fileText(places: Readonly<Record<string, string>> = PLACES): string {
  const machines = Object.entries(places).map(([name, host]) => {
    const last = 11 + 'abc'.indexOf(name);
    return `  ${name}:
    host: ${host}
    nics:
      - { network: lab, ipv4: 10.90.0.${last}, attach: netns${name === 'c' ? ', forwards: ["9011:9090"]' : ''} }
      - { network: back, ipv4: 10.91.0.${last}, attach: netns }`;
  });
  return `project: ${PROJECT}
engine: ovn
hosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2, kvm3: 192.0.2.3 }
networks:
  lab: { mode: nat, ipv4: 10.90.0.0/24, ipv6: "fd00:90::/64" }
  back: { mode: isolated, ipv4: 10.91.0.0/24, dhcp: true, dns: { domain: mesh.internal } }
machines:
${machines.join('\n')}
`;
}

describe.skipIf(lacking !== undefined)('one file, many hosts, one OVN', () => {
  let outside: OvsHost;
  let directory: string;
  let file: string;
  const hosts: KvmHost[] = [];
  const chassis: OvnHost[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'psl-ovnmesh-'));
    file = join(directory, 'passerelle.yaml');
    outside = await OvsHost.start({ switching: false });
    // A switch, and behind it the rest of the world at 192.0.2.254.
    await outside.type(
      'ip link add wire0 type bridge; ip address add 192.0.2.254/24 dev wire0; ip link set wire0 up',
    );
    sendWholeChecksums(outside.namespace, 'wire0');
    for (const [index, name] of ['kvm1', 'kvm2', 'kvm3'].entries()) {
      const address = `192.0.2.${index + 1}`;
      const host = await KvmHost.start(name, address, outside, 'wire0');
      hosts.push(host);
      await host.must('ip', 'route', 'add', 'default', 'via', '192.0.2.254');
      const central = { address: '192.0.2.1', isHere: index === 0 };
      chassis.push(await OvnHost.join(host.ovs, `chassis-${name}`, address, central));
    }
  });
  afterAll(async () => {
    for (const host of hosts) await host.passerelle(file, 'down', '--purge');
    // The central one last, since the others say goodbye to it.
    for (const each of chassis.reverse()) await each[Symbol.asyncDispose]();
    for (const host of hosts) await host[Symbol.asyncDispose]();
    await outside?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function up(
    places: Readonly<Record<string, string>>,
    among: readonly KvmHost[] = hosts,
  ): Promise<void> {
    await writeFile(file, fileText(places));
    for (const host of among) await host.up(file, '--allow-disruption');
  }

  function three(): readonly [KvmHost, KvmHost, KvmHost] {
    const [first, second, third] = hosts;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no hosts');
    return [first, second, third];
  }

  async function northbound(...words: string[]): Promise<string> {
    return (await chassis[0]?.run('ovn-nbctl', ...words)) ?? '';
  }

  it('machines are neighbours at the full MTU, and a second up changes nothing', async () => {
    const [first, second, third] = three();
    await up(PLACES);
    for (const subnet of ['10.90.0', '10.91.0']) {
      expect(await first.pings(PROJECT, 'a', `${subnet}.12`), `${subnet} a to b`).toBe(true);
      expect(await first.pings(PROJECT, 'a', `${subnet}.13`), `${subnet} a to c`).toBe(true);
      expect(await second.pings(PROJECT, 'b', `${subnet}.13`), `${subnet} b to c`).toBe(true);
    }
    // 1442 bytes of IP, told not to be fragmented; one more does not fit.
    expect(await third.pings(PROJECT, 'c', '10.90.0.11', '-M', 'do', '-s', '1414')).toBe(true);
    expect(await third.pings(PROJECT, 'c', '10.90.0.11', '-M', 'do', '-s', '1415')).toBe(false);
    expect(await third.pings(PROJECT, 'c', 'fd00:90::1')).toBe(true);
    for (const host of hosts) expect(await host.passerelle(file, 'plan')).toMatchObject({ status: 0 });
  });

  it('carries 4 MB of TCP between hosts, byte for byte', async () => {
    const [first, , third] = three();
    const server = third.inside(
      PROJECT,
      'c',
      'sh',
      '-c',
      'timeout 40 socat -u TCP4-LISTEN:9091,reuseaddr STDOUT | md5sum',
    );
    await sleep(500);
    const sent = await first.inside(
      PROJECT,
      'a',
      'sh',
      '-c',
      'head -c 4194304 /dev/urandom >/tmp/ovnmesh.bin; md5sum </tmp/ovnmesh.bin; timeout 30 socat -u FILE:/tmp/ovnmesh.bin TCP4:10.91.0.13:9091; rm /tmp/ovnmesh.bin',
    );
    expect(sent.status).toBe(0);
    expect((await server).stdout).toBe(sent.stdout);
  });

  it('the gateway lives on one host: its way out, its DHCP with the MTU, its forwards', async () => {
    const [, , third] = three();
    expect(await third.pings(PROJECT, 'c', '192.0.2.254')).toBe(true);
    expect(await leaseOf(third, 'c', '10.90.0.13')).toContain('10.90.0.13 1442 10.90.0.1');
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

  it('an isolated network has DHCP and names on each host, with nobody asked on another', async () => {
    const [first, , third] = three();
    await outside.run('ip', 'link', 'set', third.wirePort, 'down');
    try {
      expect(await leaseOf(third, 'c', '10.91.0.13')).toContain('10.91.0.13 1442');
      const asked = await third.inside(
        PROJECT,
        'c',
        'timeout',
        '5',
        'busybox',
        'nslookup',
        'a.mesh.internal',
        '10.91.0.1',
      );
      expect(asked.stdout).toContain('10.91.0.11');
      expect(await first.pings(PROJECT, 'a', '10.91.0.13')).toBe(false);
      expect(await first.pings(PROJECT, 'a', '10.91.0.12')).toBe(true);
    } finally {
      await outside.run('ip', 'link', 'set', third.wirePort, 'up');
    }
    expect(await first.reaches(PROJECT, 'a', '10.91.0.13', 10)).toBe(true);
  });

  it('a host without the gateway keeps out of the network', async () => {
    const [, second] = three();
    expect((await second.run('ping', '-c', '1', '-W', '1', '10.90.0.1')).status).not.toBe(0);
    expect((await second.run('ping', '-c', '1', '-W', '1', '10.90.0.12')).status).not.toBe(0);
    expect((await second.passerelle(file, 'netdev', 'a')).stderr).toContain('machine a lives on host kvm1');
  });

  it('a machine moves with its address, whichever host is told first', async () => {
    const [first, second, third] = three();
    // To the new one first: it takes the port over, and OVN has the old one let go.
    await up({ ...PLACES, a: 'kvm2' }, [second]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 2)).toBe(true);
    expect((await second.inside(PROJECT, 'a', 'ip', 'address')).stdout).toContain('10.90.0.11');
    await first.up(file, '--allow-disruption');
    await third.up(file);
    expect(await third.pings(PROJECT, 'c', '10.90.0.11')).toBe(true);
    for (const host of hosts) expect(await host.passerelle(file, 'plan')).toMatchObject({ status: 0 });
    // Back, the old one first.
    await up(PLACES, [second, first, third]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 2)).toBe(true);
    expect(await second.pings(PROJECT, 'b', '10.91.0.11')).toBe(true);
  });

  it('a host whose ovn-controller stands still: the others come up without it, and status says which', async () => {
    const [first, second, third] = three();
    await chassis[2]?.stop('ovn-controller', 'SIGKILL');
    await up({ ...PLACES, a: 'kvm2' }, [second, first]);
    expect(await second.pings(PROJECT, 'a', '10.90.0.1')).toBe(true);
    expect((await first.passerelle(file, 'status')).stdout).toContain(
      'the chassis chassis-kvm3 has not acted',
    );
    expect((await third.passerelle(file, 'up')).stderr).toContain('ovn/controller-missing');
    await chassis[2]?.startController();
    await up(PLACES, [second, first, third]);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 5)).toBe(true);
  });

  it('down on one host takes its share; what is of the network goes with the last', async () => {
    const [first, second, third] = three();
    expect(await third.passerelle(file, 'down')).toMatchObject({ status: 0 });
    expect(await northbound('lsp-list', `passerelle.${PROJECT}.lab`)).not.toContain(`${PROJECT}.c.0`);
    expect(await first.pings(PROJECT, 'a', '10.90.0.12')).toBe(true);
    for (const host of [first, second])
      expect(await host.passerelle(file, 'plan')).toMatchObject({ status: 0 });
    await third.up(file);
    expect(await third.reaches(PROJECT, 'c', '10.90.0.11', 2)).toBe(true);
    for (const host of hosts) expect(await host.passerelle(file, 'down')).toMatchObject({ status: 0 });
    for (const table of ['Logical_Switch', 'Logical_Switch_Port', 'DHCP_Options', 'Port_Group', 'ACL'])
      expect(await northbound('--bare', '--columns=_uuid', 'list', table), table).toBe('');
  });

  it('all hosts at once: the rows of a network stand once, and go', async () => {
    for (let round = 0; round < 3; round++) {
      await writeFile(file, fileText(PLACES));
      await Promise.all(hosts.map((host) => host.up(file)));
      const switches = (await northbound('--bare', '--columns=name', 'list', 'Logical_Switch')).split(/\s+/);
      expect(switches.filter((name) => name !== '').sort()).toEqual([
        `passerelle.${PROJECT}.back`,
        `passerelle.${PROJECT}.lab`,
      ]);
      for (const host of hosts) expect(await host.passerelle(file, 'plan')).toMatchObject({ status: 0 });
      await Promise.all(hosts.map((host) => host.must(PASSERELLE, 'down', '-f', file)));
      expect(await northbound('--bare', '--columns=_uuid', 'list', 'Logical_Switch')).toBe('');
    }
  });

  it('refuses a project that another host has up, when the file names no hosts', async () => {
    const [first, second] = three();
    const alone = join(directory, 'alone.yaml');
    await writeFile(
      alone,
      'project: alone\nengine: ovn\nnetworks: { web: { mode: isolated } }\nmachines: { m: { nics: [{ network: web, attach: netns }] } }\n',
    );
    await first.up(alone);
    const refused = await second.passerelle(alone, 'up');
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('ovn/held-elsewhere');
    expect(await first.passerelle(alone, 'plan')).toMatchObject({ status: 0 });
    await first.passerelle(alone, 'down', '--purge');
  });

  it('a bridge network is the LAN of every host, without tunnels', async () => {
    const [first, , third] = three();
    const lan = join(directory, 'lan.yaml');
    await writeFile(
      lan,
      'project: ovnlan\nengine: ovn\nhosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2, kvm3: 192.0.2.3 }\n' +
        'networks: { lan: { mode: bridge, uplink: wire } }\n' +
        'machines:\n  x: { host: kvm1, nics: [{ network: lan, attach: netns }] }\n  y: { host: kvm3, nics: [{ network: lan, attach: netns }] }\n',
    );
    const unmapped = await first.passerelle(lan, 'up');
    expect(unmapped.stderr).toContain('ovn/no-such-mapping');
    for (const host of [first, third])
      await host.must('ovs-vsctl', 'set', 'Open_vSwitch', '.', 'external_ids:ovn-bridge-mappings=wire:phy0');
    for (const [host, machine, address] of [
      [first, 'x', '192.0.2.101'],
      [third, 'y', '192.0.2.103'],
    ] as const) {
      await host.up(lan);
      const nics = await host.inside('ovnlan', machine, 'ip', '-json', 'link');
      const nic = (JSON.parse(nics.stdout) as { ifname: string }[]).find(({ ifname }) => ifname !== 'lo');
      await host.inside('ovnlan', machine, 'ip', 'address', 'add', `${address}/24`, 'dev', nic?.ifname ?? '');
    }
    expect(await first.reaches('ovnlan', 'x', '192.0.2.254', 3)).toBe(true);
    expect(await third.reaches('ovnlan', 'y', '192.0.2.101', 3)).toBe(true);
    expect(await outside.type('ping -c 1 -W 2 192.0.2.103 >/dev/null && echo heard')).toBe('heard\n');
    for (const host of [first, third])
      expect(await host.passerelle(lan, 'down', '--purge')).toMatchObject({ status: 0 });
  });

  /** What DHCP gives on the device that has the address. */
  async function leaseOf(host: KvmHost, machine: string, address: string): Promise<string> {
    const script = join(directory, 'lease');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mtu $router"\nexit 0\n', {
      mode: 0o755,
    });
    const links = await host.inside(PROJECT, machine, 'ip', '-json', 'address', 'show', 'to', address);
    const [link] = JSON.parse(links.stdout) as { ifname?: string }[];
    const asking = `busybox udhcpc -f -n -q -i ${link?.ifname} -O mtu -s ${script}`;
    return (await host.inside(PROJECT, machine, 'sh', '-c', asking)).stdout;
  }
});
