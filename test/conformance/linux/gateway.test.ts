import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import type { Nic } from '../../../src/topology/topology.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const [web1 = '', srv1 = '', db1 = '', db2 = ''] = ['web1', 'srv1', 'db1', 'db2'].map((name) =>
  machine(name),
);

const NO_CONNECTION = fileURLToPath(new URL('no-connection.py', import.meta.url));

describe.skipIf(reason !== undefined)('nat, routed and isolated networks of the kernel', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const topology = topologyOf(
    PROJECT,
    [
      { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::' },
      { name: 'srv', mode: 'routed', net: '10.77.2', net6: '2001:db8:77::' },
      { name: 'back', mode: 'isolated', net: '10.77.3', net6: 'fd00:77:3::', dhcp: true, dns: true },
    ],
    {
      web1: [{ network: 'web', host: 11 }],
      web2: [
        { network: 'web', host: 12 },
        { network: 'back', host: 12 },
      ],
      srv1: [{ network: 'srv', host: 11 }],
      db1: [{ network: 'back', host: 11 }],
      db2: [{ network: 'back', host: 22 }],
    },
  );
  const nicOf = (machine: string): Nic | undefined =>
    topology.machines.find(({ name }) => name === machine)?.nics[0];
  const ipv6Of = (machine: string): string => nicOf(machine)?.ipv6 ?? '';
  let before: string;

  beforeAll(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    lab.must(lab.router, 'ip route add 10.77.2.0/24 via 192.0.2.2');
    lab.must(lab.router, 'ip route add 2001:db8:77::/64 via 2001:db8:2::2');
    before = lab.dump();
    await converge(engine, topology);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
      expect(lab.dump()).toBe(before);
    } finally {
      await lab.close();
    }
  });

  it('has nothing left to do', async () => {
    expect((await planFor(engine, topology)).steps).toEqual([]);
  });

  it('lets nat machines reach each other, the gateway and the outside', () => {
    for (const address of ['10.77.1.12', '10.77.1.1', 'fd00:77:1::1', '203.0.113.9', '2001:db8:9::9']) {
      expect(lab.pings(web1, address), address).toBe(true);
    }
  });

  it('shows nat machines as the host, and routed ones as themselves', async () => {
    await lab.answerOn(lab.outside, [7001]);
    expect(lab.ask(web1, '203.0.113.9', 7001)).toBe('192.0.2.2');
    expect(lab.ask(web1, '2001:db8:9::9', 7001)).toBe('2001:db8:2::2');
    expect(lab.ask(web1, '203.0.113.9', 7001, 'udp')).toBe('192.0.2.2');
    expect(lab.ask(srv1, '203.0.113.9', 7001)).toBe('10.77.2.11');
    expect(lab.ask(srv1, '2001:db8:9::9', 7001)).toBe(ipv6Of('srv1'));
  });

  it('keeps what belongs to no connection inside where it is translated, since nothing would translate it', () => {
    lab.must(
      lab.router,
      'nft add table inet ear; nft "add chain inet ear c { type filter hook prerouting priority -400 ; }"',
    );
    const heard = (name: string, to: string): boolean => {
      const family = to.includes(':') ? 'ip6' : 'ip';
      const from = family === 'ip' ? (nicOf(name)?.ipv4 ?? '') : ipv6Of(name);
      lab.must(
        lab.router,
        `nft flush chain inet ear c; nft add rule inet ear c ${family} saddr ${from} counter`,
      );
      lab.must(machine(name), `python3 ${NO_CONNECTION} ${from} ${to}`);
      return /packets [1-9]/.test(lab.must(lab.router, 'nft list table inet ear'));
    };
    for (const to of ['203.0.113.9', '2001:db8:9::9']) {
      expect(lab.pings(web1, to) && lab.pings(srv1, to)).toBe(true);
      expect(heard('srv1', to), to).toBe(true);
      expect(heard('web1', to), to).toBe(false);
    }
    lab.must(lab.router, 'nft delete table inet ear');
  });

  it('is entered from outside where it is routed, and not where it is translated', () => {
    lab.must(lab.router, 'ip route add 10.77.1.0/24 via 192.0.2.2');
    lab.must(lab.router, 'ip route add fd00:77:1::/64 via 2001:db8:2::2');
    expect(lab.pings(lab.outside, '10.77.2.11')).toBe(true);
    expect(lab.pings(lab.outside, ipv6Of('srv1'))).toBe(true);
    expect(lab.pings(lab.outside, '10.77.1.11')).toBe(false);
    expect(lab.pings(lab.outside, ipv6Of('web1'))).toBe(false);
  });

  it('answers ARP for routed machines where that is asked for, and only there', async () => {
    const proxied = {
      ...topology,
      networks: topology.networks.map((network) =>
        network.name === 'srv' ? { ...network, options: { 'proxy-arp': true } } : network,
      ),
    };
    lab.must(lab.router, 'ip route replace 10.77.2.0/24 dev lan0');
    expect(lab.pings(lab.router, '10.77.2.11')).toBe(false);
    await converge(engine, proxied);
    lab.must(lab.router, 'ip neigh flush dev lan0');
    expect(lab.pings(lab.router, '10.77.2.11')).toBe(true);
    await converge(engine, topology);
    lab.must(lab.router, 'ip neigh flush dev lan0');
    expect(lab.pings(lab.router, '10.77.2.11')).toBe(false);
    lab.must(lab.router, 'ip route replace 10.77.2.0/24 via 192.0.2.2');
    const { notes } = await engine.status(AbortSignal.timeout(5000));
    expect(notes.join('\n')).toContain('ip route add 10.77.2.0/24 via 192.0.2.2');
    expect(notes.join('\n')).toContain('ip route add 2001:db8:77::/64 via 2001:db8:2::2');
  });

  it('answers neighbour discovery for routed machines where that is asked for, and only there', async () => {
    const proxied = {
      ...topology,
      networks: topology.networks.map((network) =>
        network.name === 'srv' ? { ...network, options: { 'proxy-ndp': true } } : network,
      ),
    };
    const settings = (): string => lab.must(lab.host, 'sysctl net.ipv6.conf; ip -6 neigh show proxy');
    const before = settings();
    const isSeen = (address: string): boolean => {
      lab.must(lab.router, 'ip -6 neigh flush dev lan0');
      // The kernel answers for another after up to 0.8 s (proxy_delay).
      return lab.say(lab.router, `ping -6 -n -c 1 -i 0.5 -w 4 ${address}`).ok;
    };
    lab.must(lab.router, 'ip route replace 2001:db8:77::/64 dev lan0');
    expect(isSeen(ipv6Of('srv1'))).toBe(false);
    await converge(engine, proxied);
    expect((await planFor(engine, proxied)).steps).toEqual([]);
    expect(isSeen(ipv6Of('srv1'))).toBe(true);
    expect(isSeen('2001:db8:77::dead')).toBe(false);
    // What somebody else answers for stays, and what is lost comes back.
    lab.must(lab.host, 'ip -6 neigh add proxy 2001:db8:2::77 dev lan0');
    lab.must(lab.host, `ip -6 neigh del proxy ${ipv6Of('srv1')} dev lan0`);
    await converge(engine, proxied);
    expect(isSeen(ipv6Of('srv1'))).toBe(true);
    await converge(engine, topology);
    expect(isSeen(ipv6Of('srv1'))).toBe(false);
    expect(lab.must(lab.host, 'ip -6 neigh show proxy')).toBe('2001:db8:2::77 dev lan0 proxy \n');
    lab.must(lab.host, 'ip -6 neigh del proxy 2001:db8:2::77 dev lan0');
    expect(settings()).toBe(before);
    lab.must(lab.router, 'ip route replace 2001:db8:77::/64 via 2001:db8:2::2');
  });

  it('shows the host as a hop, from outside and from inside', () => {
    const trace = (from: string, to: string): string =>
      lab.must(from, `busybox traceroute -n -q 1 -w 2 -m 5 ${to}`);
    const inwards = trace(lab.outside, '10.77.2.11');
    expect(inwards).toMatch(/1 {2}203\.0\.113\.1 [\s\S]*2 {2}192\.0\.2\.2 [\s\S]*3 {2}10\.77\.2\.11 /);
    expect(trace(srv1, '203.0.113.9')).toMatch(/1 {2}10\.77\.2\.1 [\s\S]*2 {2}192\.0\.2\.1 /);
    expect(trace(web1, '203.0.113.9')).toMatch(/1 {2}10\.77\.1\.1 [\s\S]*2 {2}192\.0\.2\.1 /);
  });

  it('carries megabytes in both directions and both families', () => {
    lab.background(lab.outside, ['iperf3', '-s']);
    for (const address of ['203.0.113.9', '2001:db8:9::9']) {
      for (const direction of ['', '-R']) {
        const report = lab.must(web1, `sleep 0.3; iperf3 -J -c ${address} -n 16M ${direction}`);
        const { end } = JSON.parse(report) as { end: Record<string, { bytes: number }> };
        expect(end[direction === '-R' ? 'sum_received' : 'sum_sent']?.bytes).toBeGreaterThanOrEqual(
          16 * 1024 * 1024,
        );
      }
    }
  });

  it('keeps isolated machines to themselves, and the host out', () => {
    expect(lab.pings(db1, '10.77.3.22')).toBe(true);
    expect(lab.pings(db1, ipv6Of('db2'))).toBe(true);
    expect(lab.pings(db1, '10.77.3.12')).toBe(true);
    // As far as a machine that lies about its routes can get.
    lab.must(db1, 'ip route add default via 10.77.3.1; ip -6 route add default via fd00:77:3::1');
    const device = topology.networks.find(({ name }) => name === 'back')?.interfaceName ?? '';
    const bridgeMac = /link\/ether (\S+)/.exec(lab.must(lab.host, `ip link show ${device}`))?.[1];
    for (const [address, host] of [
      ['192.0.2.2', '192.0.2.2'],
      ['10.77.1.1', '10.77.1.1'],
    ] as const) {
      lab.must(
        db1,
        `ip route replace ${host}/32 dev eth0; ip neigh replace ${host} lladdr ${bridgeMac} dev eth0`,
      );
      expect(lab.pings(db1, address), address).toBe(false);
    }
    // Not even one way: what it sends the host never arrives.
    lab.must(
      lab.host,
      'nft add table ip ear; nft "add chain ip ear c { type filter hook prerouting priority -400 ; }"',
    );
    lab.must(lab.host, 'nft add rule ip ear c ip saddr 10.77.3.11 counter');
    lab.say(db1, 'ping -c 2 -i 0.2 -W 1 192.0.2.2');
    expect(lab.must(lab.host, 'nft list table ip ear')).toContain('packets 0');
    lab.must(lab.host, 'nft delete table ip ear');
    expect(lab.must(lab.host, `nft list table netdev passerelle.${PROJECT}.linux`)).toMatch(/packets [1-9]/);
    expect(lab.pings(db1, '203.0.113.9')).toBe(false);
    expect(lab.pings(db1, '10.77.1.11')).toBe(false);
    expect(lab.pings(db1, '2001:db8:9::9')).toBe(false);
    // The host finds no way in either, by IPv4 or by link-local IPv6.
    lab.must(lab.host, `ip route add 10.77.3.0/24 dev ${device}`);
    expect(lab.pings(lab.host, '10.77.3.11')).toBe(false);
    expect(lab.pings(lab.host, `ff02::1%${device}`)).toBe(false);
    lab.must(lab.host, `ip route del 10.77.3.0/24 dev ${device}`);
  });

  it('gives addresses and names by DHCP, on the isolated network too', async () => {
    const leaseOf = (namespace: string, device: string): string =>
      lab.must(
        namespace,
        `busybox udhcpc -i ${device} -n -q -f -t 3 -T 1 -s /bin/true -O search -O mtu 2>&1`,
      );
    expect(leaseOf(web1, 'eth0')).toContain('lease of 10.77.1.11 obtained from 10.77.1.1');
    expect(leaseOf(db1, 'eth0')).toContain('lease of 10.77.3.11 obtained from 10.77.3.1');
    const leases = await engine.leases(AbortSignal.timeout(5000));
    expect(leases.map(({ machine, address, network }) => `${machine} ${network} ${address}`).sort()).toEqual([
      'db1 back 10.77.3.11',
      'web1 web 10.77.1.11',
    ]);
    const resolve = (from: string, name: string, server: string): string =>
      lab.say(from, `busybox nslookup ${name} ${server}`).text;
    expect(resolve(web1, `web2.${PROJECT}.internal`, '10.77.1.1')).toContain('10.77.1.12');
    expect(resolve(web1, '10.77.1.12', '10.77.1.1')).toContain(`web2.${PROJECT}.internal`);
    // A machine on two networks has on each the address it has there.
    expect(resolve(web1, `web2.${PROJECT}.internal`, '10.77.1.1')).not.toContain('10.77.3.12');
    expect(resolve(db1, `web2.${PROJECT}.internal`, '10.77.3.1')).toContain('10.77.3.12');
    expect(resolve(web1, `nobody.${PROJECT}.internal`, '10.77.1.1')).toMatch(/NXDOMAIN|can't find/);
  });

  it('advertises its prefix, and a router only where there is one', () => {
    lab.must(db2, 'ip -6 address flush dev eth0 scope global; sysctl -qw net.ipv6.conf.eth0.accept_ra=2');
    lab.must(web1, 'ip -6 address flush dev eth0 scope global; ip -6 route del default');
    for (const namespace of [db2, web1]) {
      lab.must(namespace, 'ip link set eth0 down; ip link set eth0 addrgenmode eui64; ip link set eth0 up');
    }
    const waitFor = (namespace: string, command: string): string =>
      lab.must(
        namespace,
        `for i in $(seq 60); do ${command} | grep -q . && break; sleep 0.1; done; ${command}`,
      );
    expect(waitFor(web1, 'ip -6 address show dev eth0 scope global')).toContain(ipv6Of('web1'));
    expect(waitFor(web1, 'ip -6 route show default')).toContain('default via fe80::');
    expect(waitFor(db2, 'ip -6 address show dev eth0 scope global')).toContain(ipv6Of('db2'));
    expect(lab.must(db2, 'ip -6 route show default')).toBe('');
    lab.must(
      web1,
      'for i in $(seq 20); do ping -n -c 1 -W 1 2001:db8:9::9 && exit 0; sleep 0.2; done; exit 1',
    );
  });

  it('has nothing left to do after all this traffic, but for what the test itself changed', async () => {
    const { steps } = await planFor(engine, topology);
    const touched = steps.map(({ change }) => (change.action === 'delete' ? change.before : change.after).id);
    expect(touched.sort()).toEqual(['linux/veth/db1/0', 'linux/veth/db2/0', 'linux/veth/web1/0']);
    await converge(engine, topology);
    expect((await planFor(engine, topology)).steps).toEqual([]);
  });
});
