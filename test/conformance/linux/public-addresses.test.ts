import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engines/contract.js';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Topology } from '../../../src/topology/topology.js';
import { whySkipped } from '../../lab/prerequisites.js';
import { converge, planFor } from './converge.js';
import { machine, NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { type NetworkWish, type NicWish, topologyOf } from './topologies.js';

const reason = whyNot() ?? whySkipped({ root: true, programs: ['conntrack', 'python3'] });
if (reason !== undefined) console.log(`skipped: ${reason}`);

const [web1, web2, srv1] = ['web1', 'web2', 'srv1'].map(machine) as [string, string, string];
const OUTSIDE = '203.0.113.9';
const OUTSIDE_IPV6 = '2001:db8:9::9';
/** In the subnet of the LAN, where the host has to answer for it. */
const PUBLIC = '192.0.2.70';
const PUBLIC_IPV6 = '2001:db8:2::70';
/** Led to the host by the LAN's router. */
const ROUTED = '198.18.0.70';
/** Nobody's, for forwards. */
const SERVICE = '192.0.2.80';
const SERVICE_IPV6 = '2001:db8:2::80';

const NETWORKS: readonly NetworkWish[] = [
  {
    name: 'web',
    mode: 'nat',
    net: '10.77.1',
    net6: 'fd00:77:1::',
    options: { 'service-addresses': [SERVICE, SERVICE_IPV6] },
  },
  { name: 'srv', mode: 'nat', net: '10.77.2' },
];

/** @param holder of the public addresses on the LAN. */
function having(holder: 'web1' | 'web2' | 'srv1' | undefined): Topology {
  const nic = (name: string, host: number, options: NicWish['options'] = {}): readonly NicWish[] => [
    {
      network: 'web',
      host,
      options: {
        attach: 'netns',
        ...options,
        ...(name === holder && { 'public-ipv4': PUBLIC, 'public-ipv6': PUBLIC_IPV6 }),
      },
    },
  ];
  return topologyOf(
    PROJECT,
    NETWORKS,
    {
      web1: nic('web1', 11),
      web2: nic('web2', 12),
      srv1: [
        {
          network: 'srv',
          host: 11,
          options: { attach: 'netns', 'public-ipv4': holder === 'srv1' ? PUBLIC : ROUTED },
        },
      ],
    },
    [
      { listen: SERVICE, ports: [80, 80], to: 'web2', andTo: ['web1'], targetPort: 9092 },
      { listen: SERVICE_IPV6, ports: [80, 80], to: 'web2', targetPort: 9092, family: 6 },
    ],
  );
}

describe.skipIf(reason !== undefined)('public addresses', { timeout: 60_000 }, () => {
  let lab: NamespaceLab;
  let engine: Engine;
  let before: string;
  const topology = having('web1');

  beforeAll(async () => {
    lab = new NamespaceLab();
    lab.must(lab.router, `ip route add ${ROUTED} via 192.0.2.2`);
    // What the LAN must never see.
    lab.must(
      lab.router,
      "nft 'add table inet seen; add chain inet seen inside { type filter hook prerouting priority -300; }; add rule inet seen inside ip saddr 10.77.0.0/16 counter; add rule inet seen inside ip6 saddr fd00::/8 counter'",
    );
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    before = lab.dump();
    await converge(engine, topology);
    await lab.answerOn(lab.outside, [9090]);
    for (const name of [web1, web2, srv1]) await lab.answerOn(name, [9090]);
    await lab.answerOn(web2, [9092]);
    // A server of the host's own, on every address it has.
    await lab.answerOn(lab.host, [7777]);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
      expect(lab.dump()).toBe(before);
      expect(lab.must(lab.router, 'nft list table inet seen').match(/packets \d+/g)).toEqual([
        'packets 0',
        'packets 0',
      ]);
    } finally {
      await lab.close();
    }
  });

  it('has nothing left to do', async () => {
    expect((await planFor(engine, topology)).steps).toEqual([]);
  });

  it('leads all that comes to it to the machine, which sees who asks', () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      expect(lab.ask(lab.outside, PUBLIC, 9090, protocol)).toBe(OUTSIDE);
      expect(lab.ask(lab.outside, PUBLIC_IPV6, 9090, protocol)).toBe(OUTSIDE_IPV6);
    }
    expect(lab.pings(lab.outside, PUBLIC)).toBe(true);
    expect(lab.pings(lab.outside, PUBLIC_IPV6)).toBe(true);
  });

  it('is what the outside sees of all that the machine sends, and of nobody else', () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      expect(lab.ask(web1, OUTSIDE, 9090, protocol)).toBe(PUBLIC);
      expect(lab.ask(web1, OUTSIDE_IPV6, 9090, protocol)).toBe(PUBLIC_IPV6);
      expect(lab.ask(web2, OUTSIDE, 9090, protocol)).toBe('192.0.2.2');
      expect(lab.ask(web2, OUTSIDE_IPV6, 9090, protocol)).toBe('2001:db8:2::2');
    }
  });

  it('needs no answer on the LAN where a router leads it here', () => {
    expect(lab.ask(lab.outside, ROUTED, 9090)).toBe(OUTSIDE);
    expect(lab.ask(srv1, OUTSIDE, 9090)).toBe(ROUTED);
  });

  it('works from the host, from neighbours, from the machine itself and from another network', () => {
    expect(lab.ask(lab.host, PUBLIC, 9090)).toBe('10.77.1.1');
    expect(lab.ask(lab.host, PUBLIC_IPV6, 9090)).toBe('fd00:77:1::1');
    expect(lab.ask(web2, PUBLIC, 9090)).toBe('10.77.1.1');
    expect(lab.ask(web1, PUBLIC, 9090)).toBe('10.77.1.1');
    expect(lab.ask(web1, PUBLIC_IPV6, 9090)).toBe('fd00:77:1::1');
    expect(lab.ask(srv1, PUBLIC, 9090)).toBe('10.77.2.11');
    expect(lab.pings(srv1, PUBLIC)).toBe(true);
  });

  it('is listened on by forwards where it is no machine’s, and nothing else answers there', () => {
    const answers = Array.from({ length: 24 }, () => lab.ask(lab.outside, SERVICE, 80));
    // Of the two machines one listens.
    expect(new Set(answers)).toEqual(new Set([OUTSIDE, undefined]));
    expect(lab.ask(lab.outside, SERVICE_IPV6, 80)).toBe(OUTSIDE_IPV6);
    expect(lab.ask(lab.host, SERVICE_IPV6, 80)).toBe('fd00:77:1::1');
    for (const address of [SERVICE, SERVICE_IPV6]) {
      expect(lab.ask(lab.outside, address, 7777)).toBeUndefined();
      expect(lab.ask(lab.outside, address, 80, 'udp')).toBeUndefined();
      expect(lab.pings(lab.outside, address)).toBe(false);
    }
  });

  it('translates ICMP errors back to who is meant', () => {
    const refused = (from: string, address: string) =>
      lab.must(
        from,
        `python3 -c '
import socket
s = socket.socket(socket.AF_INET6 if ":" in "${address}" else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.connect(("${address}", 9))
s.send(b"?")
try: s.recv(9)
except OSError as error: print(type(error).__name__)'`,
      );
    for (const [from, address] of [
      [lab.outside, PUBLIC],
      [lab.outside, PUBLIC_IPV6],
      [web1, OUTSIDE],
    ] as const)
      expect(refused(from, address), address).toBe('ConnectionRefusedError\n');
  });

  it('is no address of another machine, whatever that says', async () => {
    const machines = topology.machines.map((each) =>
      each.name === 'web2'
        ? { ...each, nics: each.nics.map((nic) => ({ ...nic, antiSpoofing: false })) }
        : each,
    );
    lab.must(
      lab.router,
      `nft 'add chain inet seen forged { type filter hook prerouting priority -300; }; add rule inet seen forged ip saddr ${PUBLIC} icmp type echo-request counter'`,
    );
    for (const each of [topology, { ...topology, machines }]) {
      await converge(engine, each);
      lab.must(web2, `ip address add ${PUBLIC}/32 dev eth0`);
      expect(lab.say(web2, `ping -n -c 2 -i 0.2 -W 1 -I ${PUBLIC} ${OUTSIDE}`).ok).toBe(false);
      expect(lab.must(lab.router, 'nft list chain inet seen forged')).toContain('packets 0');
      // Nor does it take what comes to the address: this port is its own only.
      expect(lab.ask(lab.outside, PUBLIC, 9090)).toBe(OUTSIDE);
      expect(lab.ask(lab.outside, PUBLIC, 9092)).toBeUndefined();
      lab.must(web2, `ip address del ${PUBLIC}/32 dev eth0`);
    }
    lab.must(lab.router, 'nft delete chain inet seen forged');
    await converge(engine, topology);
  });

  it('does not lead to servers of the host, without its machine and without its rules', async () => {
    expect(lab.ask(lab.outside, '192.0.2.2', 7777)).toBe(OUTSIDE);
    expect(lab.ask(lab.outside, PUBLIC, 7777)).toBeUndefined();
    lab.must(web1, 'ip link set eth0 down');
    expect(lab.ask(lab.outside, PUBLIC, 7777)).toBeUndefined();
    lab.must(web1, 'ip link set eth0 up');
    lab.must(lab.host, `nft delete table inet passerelle.${PROJECT}.linux`);
    expect(lab.ask(lab.outside, PUBLIC, 7777)).toBeUndefined();
    await converge(engine, topology);
    // Who took the link down lost the routes by it.
    lab.must(web1, 'ip route replace default via 10.77.1.1; sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0');
    expect(lab.ask(lab.outside, PUBLIC, 9090)).toBe(OUTSIDE);
  });

  it.each([
    ['its route', `ip route del ${PUBLIC}`],
    ['its IPv6 route', `ip -6 route del ${PUBLIC_IPV6}`],
    ['the answer to ARP', `ip neigh del proxy ${PUBLIC} dev lan0`],
    ['the answer to neighbour discovery', `ip -6 neigh del proxy ${PUBLIC_IPV6} dev lan0`],
    ['an element', `nft delete element inet passerelle.${PROJECT}.linux nic_of4 { ${PUBLIC} }`],
  ])('sees that %s was taken away by hand, and mends it', async (_what, line) => {
    lab.must(lab.host, line);
    lab.must(lab.router, 'ip neigh flush dev lan0');
    const plan = await planFor(engine, topology);
    expect(plan.steps.map(({ change }) => change.action)).toEqual(['update']);
    await converge(engine, topology);
    expect(lab.ask(lab.outside, PUBLIC, 9090)).toBe(OUTSIDE);
    expect(lab.ask(lab.outside, PUBLIC_IPV6, 9090)).toBe(OUTSIDE_IPV6);
  });

  it('passes a firewall that lets nothing through by itself', async () => {
    lab.must(
      lab.host,
      "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'",
    );
    await converge(engine, topology);
    expect(lab.ask(lab.outside, PUBLIC, 9090)).toBe(OUTSIDE);
    expect(lab.ask(web1, OUTSIDE, 9090)).toBe(PUBLIC);
    lab.must(lab.host, 'nft delete table ip filter');
    await converge(engine, topology);
  });

  it('moves live to another machine: no connection of before goes on, and no other one ends', async () => {
    lab.background(srv1, ['iperf3', '-s', '-p', '5201']);
    // One to each machine, from one port each: the answers of both tell who is there.
    for (const name of ['web1', 'web2'])
      lab.background(machine(name), [
        'python3',
        '-c',
        `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5353))
while True: s.sendto(b"${name}", s.recvfrom(9)[1])`,
      ]);
    const whoAnswers = () =>
      lab.say(
        lab.outside,
        `python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4444))
s.settimeout(2)
s.connect(("${PUBLIC}", 5353))
s.send(b"?")
print(s.recv(9).decode())'`,
      ).text;
    await expect.poll(whoAnswers).toBe('web1\n');
    // Both ways, of either kind, so that they are known to conntrack.
    const inwards = lab.background(lab.outside, [
      'socat',
      '-u',
      `TCP:${PUBLIC}:9091,retry=20,interval=0.1`,
      '-',
    ]);
    lab.background(web1, ['socat', 'TCP-LISTEN:9091,reuseaddr', 'EXEC:sleep 60']);
    await expect.poll(() => connections(lab)).toContain('dport=9091');
    const transfer = lab.background(lab.outside, ['iperf3', '-c', ROUTED, '-t', '4']);
    const ended = new Promise((resolve) => transfer.once('exit', resolve));
    await expect.poll(() => connections(lab)).toContain('dport=5201');

    const plan = await converge(engine, having('web2'));
    expect(new Set(plan.steps.map(({ change, impact }) => `${change.action} ${impact}`))).toEqual(
      new Set(['update live']),
    );
    expect(connections(lab)).not.toContain('dport=9091');
    expect(whoAnswers()).toBe('web2\n');
    expect(lab.ask(web2, OUTSIDE, 9090)).toBe(PUBLIC);
    expect(lab.ask(web1, OUTSIDE, 9090)).toBe('192.0.2.2');
    inwards.kill();

    await converge(engine, having(undefined));
    expect(connections(lab)).not.toMatch(new RegExp(`=(?:${PUBLIC}|${PUBLIC_IPV6}) `));
    expect(lab.say(lab.outside, `ping -n -c 1 -W 1 ${PUBLIC}`).ok).toBe(false);
    expect(lab.ask(web2, OUTSIDE, 9090)).toBe('192.0.2.2');
    await converge(engine, topology);
    expect(lab.ask(lab.outside, PUBLIC, 9090)).toBe(OUTSIDE);
    expect(await ended).toBe(0);
  });

  it('moves to another network, with the forward that its old machine had', async () => {
    const forwardTo = (to: string) =>
      topologyOf(
        PROJECT,
        NETWORKS,
        { web1: [{ network: 'web', host: 11 }], srv1: [{ network: 'srv', host: 11 }] },
        [{ listen: '0.0.0.0', ports: [9700, 9700], to, targetPort: 9090, shownSource: 'gateway' }],
      ).forwards;
    await converge(engine, { ...topology, forwards: forwardTo('web1') });
    expect(lab.ask(lab.outside, '192.0.2.2', 9700)).toBe('10.77.1.1');
    await converge(engine, { ...having('srv1'), forwards: forwardTo('srv1') });
    expect(lab.ask(lab.outside, '192.0.2.2', 9700)).toBe('10.77.2.1');
    expect(lab.ask(srv1, OUTSIDE, 9090)).toBe(PUBLIC);
    expect(lab.ask(web1, OUTSIDE, 9090)).toBe('192.0.2.2');
    await converge(engine, topology);
    expect(lab.ask(srv1, OUTSIDE, 9090)).toBe(ROUTED);
    expect(lab.ask(web1, OUTSIDE, 9090)).toBe(PUBLIC);
  });

  it('refuses an address that the host has, leads elsewhere or leaves by, before anything is touched', async () => {
    const codes = async () =>
      (await engine.preflight(topology, AbortSignal.timeout(10_000))).map(({ code }) => code);
    expect(await codes()).toEqual([]);
    lab.must(lab.host, `ip address add ${PUBLIC}/32 dev lan0`);
    expect(await codes()).toEqual(['gateway/public-address-taken']);
    lab.must(lab.host, `ip address del ${PUBLIC}/32 dev lan0`);
    lab.must(lab.host, `ip route add 198.18.0.70 dev lan0 metric 7`);
    expect(await codes()).toEqual(['gateway/public-address-taken']);
    lab.must(lab.host, `ip route del 198.18.0.70 dev lan0 metric 7`);
    lab.must(lab.host, `ip route add 198.51.100.0/24 via ${ROUTED} dev lan0 onlink`);
    expect(await codes()).toEqual(['gateway/public-address-taken']);
    lab.must(lab.host, `ip route del 198.51.100.0/24`);
    expect(await codes()).toEqual([]);
  });
});

function connections(lab: NamespaceLab): string {
  return ['ipv4', 'ipv6']
    .map((family) =>
      execFileSync('ip', ['netns', 'exec', lab.host, 'conntrack', '-L', '-f', family], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    )
    .join('');
}
