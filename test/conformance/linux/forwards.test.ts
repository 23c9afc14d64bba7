import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { type ForwardWish, topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const web1 = machine('web1');
const web2 = machine('web2');
const srv1 = machine('srv1');
const db1 = machine('db1');

const networks = [
  { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::' },
  { name: 'srv', mode: 'routed', net: '10.77.2' },
  { name: 'back', mode: 'isolated', net: '10.77.3' },
] as const;
const machines = {
  web1: [{ network: 'web', host: 11 }],
  web2: [{ network: 'web', host: 12 }],
  srv1: [{ network: 'srv', host: 11 }],
  db1: [{ network: 'back', host: 11 }],
};
const forwards: readonly ForwardWish[] = [
  // The course's rule: --dport 9N to 10.10.10.N:9090.
  { listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 9090 },
  { listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 9090, protocol: 'udp' },
  { listen: '192.0.2.2', ports: [9012, 9012], to: 'web2', targetPort: 9090 },
  { listen: '127.0.0.1', ports: [8080, 8080], to: 'web1', targetPort: 9090 },
  { listen: '0.0.0.0', ports: [9100, 9109], to: 'web1', targetPort: 9100 },
  { listen: '0.0.0.0', ports: [9200, 9209], to: 'web1', targetPort: 9300 },
  { listen: '0.0.0.0', ports: [9400, 9409], to: 'web1', targetPort: 9090, fixed: true },
  { listen: '192.0.2.2', ports: [9500, 9509], to: 'web1', targetPort: 9500, protocol: 'udp' },
  { listen: '::', ports: [9011, 9011], to: 'web1', targetPort: 9090, family: 6 },
  { listen: '2001:db8:2::2', ports: [9600, 9609], to: 'web1', targetPort: 9600, family: 6 },
  // The same port of the machine as above, and the machine sees the gateway.
  {
    listen: '0.0.0.0',
    ports: [9700, 9709],
    to: 'web1',
    targetPort: 9090,
    fixed: true,
    shownSource: 'gateway',
  },
  { listen: '192.0.2.3', ports: [9013, 9013], to: 'web1', targetPort: 9090, shownSource: 'gateway' },
  { listen: '192.0.2.2', ports: [9013, 9013], to: 'web1', targetPort: 9090 },
  { listen: '::', ports: [9700, 9700], to: 'web1', targetPort: 9090, family: 6, shownSource: 'gateway' },
  {
    listen: '2001:db8:2::2',
    ports: [9701, 9701],
    to: 'web1',
    targetPort: 9090,
    family: 6,
    shownSource: 'gateway',
  },
  // One port of each machine, so that who answered can be told: only web2 answers at 9092.
  { listen: '0.0.0.0', ports: [9800, 9801], to: 'web1', andTo: ['web2'], targetPort: 9091 },
  { listen: '192.0.2.2', ports: [9811, 9811], to: 'web1', andTo: ['web2'], targetPort: 9092 },
  { listen: '::', ports: [9800, 9800], to: 'web1', andTo: ['web2'], targetPort: 9092, family: 6 },
  { listen: '2001:db8:2::2', ports: [9811, 9811], to: 'web1', andTo: ['web2'], targetPort: 9092, family: 6 },
];

describe.skipIf(reason !== undefined)('forwards of the kernel', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const topology = topologyOf(PROJECT, networks, machines, forwards);
  let before: string;

  beforeAll(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    lab.must(lab.host, 'ip address add 192.0.2.3/24 dev lan0');
    before = lab.dump();
    await converge(engine, topology);
    await lab.answerOn(web1, [9090, 9105, 9305, 9505, 9605]);
    await lab.answerOn(web2, [9090, 9091, 9092]);
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

  it('leads there from outside, and the machine sees who asks', () => {
    expect(lab.ask(lab.outside, '192.0.2.2', 9011)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.3', 9011)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.2', 9011, 'udp')).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '2001:db8:2::2', 9011)).toBe('2001:db8:9::9');
  });

  it('listens on the address that was asked for and on no other', () => {
    expect(lab.ask(lab.outside, '192.0.2.2', 9012)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.3', 9012)).toBeUndefined();
    expect(lab.ask(lab.outside, '192.0.2.2', 8080)).toBeUndefined();
    expect(lab.ask(lab.outside, '192.0.2.2', 9012, 'udp')).toBeUndefined();
  });

  it('leads ranges to the same ports, to others in step, and to a single one', () => {
    expect(lab.ask(lab.outside, '192.0.2.2', 9105)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.2', 9205)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.2', 9206)).toBeUndefined();
    expect(lab.ask(lab.outside, '192.0.2.2', 9407)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.2', 9505, 'udp')).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '2001:db8:2::2', 9605)).toBe('2001:db8:9::9');
  });

  it('shows the gateway where the forward says so, by what is listened on and not by where it leads', () => {
    expect(lab.ask(lab.outside, '192.0.2.2', 9700)).toBe('10.77.1.1');
    expect(lab.ask(lab.outside, '192.0.2.3', 9709)).toBe('10.77.1.1');
    expect(lab.ask(srv1, '192.0.2.2', 9700)).toBe('10.77.1.1');
    // One port on two addresses of the host.
    expect(lab.ask(lab.outside, '192.0.2.3', 9013)).toBe('10.77.1.1');
    expect(lab.ask(lab.outside, '192.0.2.2', 9013)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '2001:db8:2::2', 9700)).toBe('fd00:77:1::1');
    expect(lab.ask(lab.outside, '2001:db8:2::2', 9701)).toBe('fd00:77:1::1');
  });

  it('shares connections out among machines: both are reached, by either family, and nobody else', () => {
    for (const [address, port] of [
      ['192.0.2.2', 9801],
      ['192.0.2.2', 9811],
      ['2001:db8:2::2', 9800],
      ['2001:db8:2::2', 9811],
    ] as const) {
      const answers = Array.from({ length: 24 }, () => lab.ask(lab.outside, address, port));
      expect(new Set(answers), `${address} ${port}`).toEqual(
        new Set([address.includes(':') ? '2001:db8:9::9' : '203.0.113.9', undefined]),
      );
    }
    expect(lab.ask(lab.outside, '192.0.2.3', 9811)).toBeUndefined();
  });

  it('leads there from the host itself, by any of its addresses', () => {
    for (const address of ['127.0.0.1', '192.0.2.2', '192.0.2.3', '10.77.1.1', '2001:db8:2::2']) {
      expect(lab.ask(lab.host, address, 9011), address).toBeDefined();
    }
    expect(lab.ask(lab.host, '127.0.0.1', 9011, 'udp')).toBe('10.77.1.1');
    expect(lab.ask(lab.host, '127.0.0.1', 8080)).toBe('10.77.1.1');
  });

  it('leads there from other machines: a neighbour, the machine itself, another network', () => {
    expect(lab.ask(web2, '192.0.2.2', 9011)).toBe('10.77.1.1');
    expect(lab.ask(web1, '192.0.2.2', 9011)).toBe('10.77.1.1');
    expect(lab.ask(web1, '10.77.1.1', 9011)).toBe('10.77.1.1');
    expect(lab.ask(srv1, '192.0.2.2', 9011)).toBe('10.77.2.11');
    expect(lab.ask(web1, 'fd00:77:1::1', 9011)).toBe('fd00:77:1::1');
  });

  it('leads nowhere from an isolated network', () => {
    lab.must(db1, 'ip route add default via 10.77.3.1 onlink dev eth0');
    expect(lab.ask(db1, '192.0.2.2', 9011)).toBeUndefined();
    lab.must(db1, 'ip route del default');
  });

  it("does not open the host's own loopback to machines", async () => {
    await lab.answerOn(lab.host, [7777]);
    lab.must(web1, 'sysctl -qw net.ipv4.conf.eth0.route_localnet=1 && ip address del 127.0.0.1/8 dev lo');
    lab.must(
      web1,
      'ip route del table local 127.0.0.1 2>/dev/null; ip route add 127.0.0.1/32 via 10.77.1.1 dev eth0 src 10.77.1.11',
    );
    expect(lab.ask(web1, '127.0.0.1', 7777)).toBeUndefined();
    expect(lab.must(lab.host, `nft list chain inet passerelle.${PROJECT}.linux loopback_guard`)).toMatch(
      /packets [1-9]/,
    );
    lab.must(web1, 'ip route del 127.0.0.1/32 via 10.77.1.1; ip address add 127.0.0.1/8 dev lo');
  });

  it('changes live: a connection goes on while other forwards come and go', async () => {
    const port = 9011;
    lab.background(web1, ['iperf3', '-s', '-p', '5201']);
    const wider = topologyOf(PROJECT, networks, machines, [
      ...forwards,
      { listen: '0.0.0.0', ports: [5201, 5201], to: 'web1', targetPort: 5201 },
    ]);
    await converge(engine, wider);
    const transfer = lab.background(lab.outside, ['iperf3', '-c', '192.0.2.2', '-t', '3']);
    const ended = new Promise((resolve) => transfer.once('exit', resolve));
    const narrower = topologyOf(PROJECT, networks, machines, [
      { listen: '0.0.0.0', ports: [5201, 5201], to: 'web2', andTo: ['web1'], targetPort: 5201 },
      { listen: '0.0.0.0', ports: [port, port], to: 'web2', targetPort: 9090 },
    ]);
    const plan = await converge(engine, narrower);
    expect(
      plan.steps.map(({ impact }) => impact).every((impact) => impact === 'live' || impact === 'none'),
    ).toBe(true);
    expect(lab.ask(lab.outside, '192.0.2.2', port)).toBe('203.0.113.9');
    expect(lab.ask(lab.outside, '192.0.2.2', 9105)).toBeUndefined();
    expect(await ended).toBe(0);
    await converge(engine, topology);
  });
});
