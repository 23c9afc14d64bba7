/** Networks that leave by an uplink of their own, on a host with two routers: the default route leads to the other one. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const [web1, app1, srv1] = [machine('web1'), machine('app1'), machine('srv1')];
const OUTSIDE = '203.0.113.9';
const OUTSIDE6 = '2001:db8:9::9';
/** The host's addresses to its two routers. */
const [BY_LAN0, BY_LAN1] = ['192.0.2.2', '198.51.100.2'];
const BY_LAN1_6 = '2001:db8:3::2';

describe.skipIf(reason !== undefined)('an uplink of its own', { timeout: 120_000 }, () => {
  let lab: NamespaceLab;
  let engine: Engine;
  let before: string;
  const topologyWith = (options: Readonly<Record<string, unknown>> = {}) =>
    topologyOf(
      PROJECT,
      [
        { name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::', uplink: 'lan1', options },
        { name: 'app', mode: 'nat', net: '10.77.2', net6: 'fd00:77:2::' },
        { name: 'srv', mode: 'routed', net: '10.77.3', net6: '2001:db8:77::', uplink: 'lan1', options },
      ],
      {
        web1: [{ network: 'web', host: 11 }],
        app1: [{ network: 'app', host: 11 }],
        srv1: [{ network: 'srv', host: 11 }],
      },
      [
        { listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 7002 },
        { listen: BY_LAN1_6, ports: [9011, 9011], to: 'web1', targetPort: 7002, family: 6 },
      ],
    );
  const topology = topologyWith();

  beforeAll(async () => {
    lab = new NamespaceLab();
    secondRouter();
    // Strict: what comes in by lan1 from an address that the host would answer by lan0 is taken for forged.
    lab.must(lab.host, 'sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.lan1.rp_filter=1');
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    before = lab.dump();
    await lab.answerOn(lab.outside, [7001]);
    await converge(engine, topology);
    await lab.answerOn(web1, [7002]);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
      expect(lab.dump()).toBe(before);
    } finally {
      await lab.close();
    }
  });

  /** Another way to the same outside, which answers each by the way it came. */
  function secondRouter(): void {
    const router = lab.extraNamespace('router2');
    lab.must(lab.host, `ip link add lan1 type veth peer name lan1 netns ${router}`);
    lab.must(router, `ip link add wan1 type veth peer name wan1 netns ${lab.outside}`);
    const lines: readonly [string, readonly string[]][] = [
      [
        lab.host,
        [
          `ip address add ${BY_LAN1}/24 dev lan1`,
          `ip address add ${BY_LAN1_6}/64 dev lan1 nodad`,
          'ip link set lan1 up',
          'ip route add default via 198.51.100.1 metric 300',
          'ip -6 route add default via 2001:db8:3::1 metric 3000',
        ],
      ],
      [
        router,
        [
          'ip address add 198.51.100.1/24 dev lan1',
          'ip address add 2001:db8:3::1/64 dev lan1 nodad',
          'ip address add 203.0.112.1/24 dev wan1',
          'ip address add 2001:db8:8::1/64 dev wan1 nodad',
          'ip link set lo up',
          'ip link set lan1 up',
          'ip link set wan1 up',
          'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
          `ip route add ${OUTSIDE} via 203.0.112.9`,
          `ip route add ${OUTSIDE6} via 2001:db8:8::9`,
          `ip route add 10.77.3.0/24 via ${BY_LAN1}`,
          `ip route add 2001:db8:77::/64 via ${BY_LAN1_6}`,
        ],
      ],
      [
        lab.outside,
        [
          'ip address add 203.0.112.9/24 dev wan1',
          'ip address add 2001:db8:8::9/64 dev wan1 nodad',
          'ip link set wan1 up',
          ...['198.51.100.0/24', '10.77.3.0/24'].map(
            (block) => `ip route add ${block} via 203.0.112.1 src ${OUTSIDE}`,
          ),
          ...['2001:db8:3::/64', '2001:db8:77::/64'].map(
            (block) => `ip route add ${block} via 2001:db8:8::1 src ${OUTSIDE6}`,
          ),
        ],
      ],
    ];
    for (const [namespace, each] of lines) lab.must(namespace, each.join(' && '));
  }

  it('has nothing left to do, and nothing in the way', async () => {
    expect((await planFor(engine, topology)).steps).toEqual([]);
    expect(await engine.preflight(topology, AbortSignal.timeout(5000))).toEqual([]);
  });

  it('leads out by it what the host itself sends elsewhere, both families', () => {
    expect(lab.ask(web1, OUTSIDE, 7001)).toBe(BY_LAN1);
    expect(lab.ask(web1, OUTSIDE, 7001, 'udp')).toBe(BY_LAN1);
    expect(lab.ask(web1, OUTSIDE6, 7001)).toBe(BY_LAN1_6);
    expect(lab.ask(srv1, OUTSIDE, 7001)).toBe('10.77.3.11');
    expect(lab.must(srv1, `busybox traceroute -n -q 1 -w 2 -m 5 ${OUTSIDE}`)).toMatch(
      /2 {2}198\.51\.100\.1 /,
    );
    // The others, and the host itself, go as they did.
    expect(lab.ask(app1, OUTSIDE, 7001)).toBe(BY_LAN0);
    expect(lab.ask(lab.host, OUTSIDE, 7001)).toBe(BY_LAN0);
  });

  it('answers by it what came in by it', () => {
    expect(lab.ask(lab.outside, BY_LAN1, 9011)).toBe(OUTSIDE);
    expect(lab.pings(lab.outside, '10.77.3.11')).toBe(true);
    expect(lab.ask(lab.outside, BY_LAN1_6, 9011)).toBe(OUTSIDE6);
  });

  it('reaches the other networks of the project, and what the uplink is connected to', () => {
    for (const address of ['10.77.3.11', '198.51.100.1', '2001:db8:3::1', '10.77.1.1', BY_LAN0])
      expect(lab.pings(web1, address), address).toBe(true);
    expect(lab.pings(srv1, '10.77.1.1')).toBe(true);
  });

  it('has the host answer there, and nowhere else, for the public address of a machine', async () => {
    const options = { attach: 'netns', 'public-ipv4': '198.51.100.70', 'public-ipv6': '2001:db8:3::70' };
    const machines = topology.machines.map((each) =>
      each.name === 'web1' ? { ...each, nics: each.nics.map((nic) => ({ ...nic, options })) } : each,
    );
    await converge(engine, { ...topology, machines });
    expect(lab.ask(web1, OUTSIDE, 7001)).toBe('198.51.100.70');
    expect(lab.ask(web1, OUTSIDE6, 7001)).toBe('2001:db8:3::70');
    expect(lab.ask(lab.outside, '198.51.100.70', 7002)).toBe(OUTSIDE);
    expect(lab.ask(lab.outside, '2001:db8:3::70', 7002)).toBe(OUTSIDE6);
    expect(lab.ask(app1, '198.51.100.70', 7002)).toBe('10.77.2.11');
    const proxies = lab.must(lab.host, 'ip -4 neigh show proxy; ip -6 neigh show proxy');
    expect(proxies.match(/dev \S+/g)).toEqual(['dev lan1', 'dev lan1']);
    await converge(engine, topology);
    expect(lab.ask(web1, OUTSIDE, 7001)).toBe(BY_LAN1);
  });

  it('tells the router of that side of the routed network', async () => {
    const { notes } = await engine.status(AbortSignal.timeout(5000));
    expect(notes.join('\n')).toContain(`ip route add 10.77.3.0/24 via ${BY_LAN1}`);
    expect(notes.join('\n')).toContain(`ip route add 2001:db8:77::/64 via ${BY_LAN1_6}`);
  });

  it('follows the gateway that the host learns', async () => {
    lab.must(lab.host, 'ip route replace default via 198.51.100.7 dev lan1 metric 300');
    const { steps } = await planFor(engine, topology);
    const updated = steps.flatMap(({ change }) => (change.action === 'update' ? [change.after.id] : []));
    expect(updated.sort()).toEqual(['linux/uplink-routes/srv', 'linux/uplink-routes/web']);
    await converge(engine, topology);
    expect(lab.pings(web1, OUTSIDE)).toBe(false);
    lab.must(lab.host, 'ip route replace default via 198.51.100.1 dev lan1 metric 300');
    await converge(engine, topology);
    expect(lab.pings(web1, OUTSIDE)).toBe(true);
  });

  it('is the same when its commands are typed, and gone when those are', async () => {
    const type = (lines: readonly string[]): string =>
      execFileSync('nsenter', [`--net=/run/netns/${lab.host}`, 'sh', '-e'], {
        input: `${lines.join('\n')}\n`,
        encoding: 'utf8',
      });
    const resources = engine.desire(topology).filter(({ kind }) => kind === 'uplink-routes');
    const tables = 'ip rule; ip -6 rule; ip route show table all proto 80 | sort';
    const standing = lab.must(lab.host, tables);
    type(resources.flatMap((before) => engine.commandsFor({ action: 'delete', before })));
    expect(lab.must(lab.host, tables)).not.toMatch(/proto 80|lan1/);
    expect(lab.pings(web1, OUTSIDE)).toBe(false);
    type(resources.flatMap((after) => engine.commandsFor({ action: 'create', after })));
    expect(lab.must(lab.host, tables)).toBe(standing);
    expect((await planFor(engine, topology)).steps).toEqual([]);
  });

  describe('without a gateway to be learnt', () => {
    const forget = 'ip route del default dev lan1; ip -6 route del default dev lan1';
    const learn =
      'ip route add default via 198.51.100.1 metric 300; ip -6 route add default via 2001:db8:3::1 metric 3000';
    beforeAll(() => void lab.must(lab.host, forget));
    afterAll(async () => {
      lab.must(lab.host, learn);
      await converge(engine, topology);
    });

    it('says so before anything is touched', async () => {
      const problems = await engine.preflight(topology, AbortSignal.timeout(5000));
      expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
        'gateway/no-uplink-gateway network web leaves by lan1, and neither a route nor a DHCP lease of this host tells of a gateway there',
        'gateway/no-uplink-gateway network srv leaves by lan1, and neither a route nor a DHCP lease of this host tells of a gateway there',
      ]);
    });

    it('leaves by the gateway that the file gives', async () => {
      const given = topologyWith({ 'uplink-gateway': ['198.51.100.1', '2001:db8:3::1'] });
      expect(await engine.preflight(given, AbortSignal.timeout(5000))).toEqual([]);
      await converge(engine, given);
      expect(lab.ask(web1, OUTSIDE, 7001)).toBe(BY_LAN1);
      expect(lab.ask(web1, OUTSIDE6, 7001)).toBe(BY_LAN1_6);
    });

    it('stays with what the uplink is connected to where the file gives none', async () => {
      await converge(engine, topologyWith({ 'uplink-gateway': [] }));
      expect(lab.pings(web1, '198.51.100.1')).toBe(true);
      expect(lab.say(web1, `ping -n -c 1 -W 1 ${OUTSIDE}`).text).toMatch(/unreachable/i);
      expect(lab.pings(web1, OUTSIDE6)).toBe(false);
      expect(lab.pings(app1, OUTSIDE)).toBe(true);
    });
  });
});
