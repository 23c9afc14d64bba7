import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, PacketFate } from '../../../src/engines/contract.js';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import { converge, planFor } from './converge.js';
import { machine, NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const [web1, db1, db2] = ['web1', 'db1', 'db2'].map((name) => machine(name)) as [string, string, string];

describe.skipIf(reason !== undefined)('what became of packets', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const topology = topologyOf(
    PROJECT,
    [
      { name: 'web', mode: 'nat', net: '10.77.1' },
      { name: 'back', mode: 'isolated', net: '10.77.3', dhcp: true },
    ],
    {
      web1: [{ network: 'web', host: 11 }],
      db1: [{ network: 'back', host: 11 }],
      db2: [{ network: 'back', host: 12 }],
    },
    [{ listen: '0.0.0.0', ports: [9011, 9011], to: 'web1', targetPort: 7001 }],
  );
  const nicsOf = (name: string) => topology.machines.find((one) => one.name === name)?.nics ?? [];
  const deviceOf = (network: string) =>
    topology.networks.find(({ name }) => name === network)?.interfaceName ?? '';

  beforeAll(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    await converge(engine, topology);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  /** What is told of the machine's packets while something happens. */
  async function during(name: string, happens: () => unknown): Promise<PacketFate[]> {
    const stop = new AbortController();
    const fates: PacketFate[] = [];
    const trace = engine.trace?.bind(engine);
    if (trace === undefined) throw new Error('the engine follows nothing');
    const nic = nicsOf(name)[0]!;
    const network = topology.networks.find((one) => one.name === nic.network)!;
    const following = (async () => {
      for (const stream of trace(nic, network, stop.signal))
        for await (const fate of stream) fates.push(fate);
    })();
    // Followed is what comes once somebody listens for traces of netfilter (the bit is nfnetlink's group 9).
    const listens = (): boolean => / 12 +\d+ +00000100 /.test(lab.must(lab.host, 'cat /proc/net/netlink'));
    while (!listens()) await sleep(20);
    await happens();
    await sleep(500);
    stop.abort();
    await following;
    expect(lab.must(lab.host, 'nft list tables')).not.toContain('.trace');
    return fates;
  }

  it('names the rule of ours that ended one', async () => {
    const fates = await during('web1', () => {
      // The gateway's MAC is known by then: else it is the ARP request from the other address that ends.
      expect(lab.pings(web1, '10.77.1.1')).toBe(true);
      lab.must(web1, 'ip address add 10.77.1.66/32 dev eth0');
      lab.say(web1, 'ping -c 1 -W 1 -I 10.77.1.66 203.0.113.9');
      lab.must(web1, 'ip address del 10.77.1.66/32 dev eth0');
    });
    expect(fates).toContainEqual(
      expect.objectContaining({
        packet: { source: '10.77.1.66', target: '203.0.113.9', protocol: 'icmp', detail: 'echo-request' },
        outcome: 'dropped',
        reason: "its IPv4 source is not the NIC's own address",
        rule: `bridge passerelle.${PROJECT}.linux port_ip4 ip4-own-address`,
        isOurs: true,
      }),
    );
    const { notes } = await engine.status(AbortSignal.timeout(5000));
    expect(notes.join('\n')).toMatch(
      /[1-9]\d* packets? ha\w+ ended here: its IPv4 source is not the NIC's own address \(ip4-own-address\)/,
    );
  });

  it('names the rule of another that ended one, and lets the rest pass, translated', async () => {
    lab.must(
      lab.host,
      'nft add table ip filter; nft "add chain ip filter FORWARD { type filter hook forward priority 0 ; }"; nft add rule ip filter FORWARD udp dport 53 drop',
    );
    const fates = await during('web1', () => {
      lab.must(web1, `bash -c 'echo x >/dev/udp/203.0.113.9/53'; ping -c 1 -W 1 203.0.113.9`);
    });
    lab.must(lab.host, 'nft delete table ip filter');
    expect(fates).toContainEqual(
      expect.objectContaining({
        packet: expect.objectContaining({
          target: '203.0.113.9',
          protocol: 'udp',
          targetPort: 53,
        }) as unknown,
        outcome: 'dropped',
        reason: 'not by Passerelle: udp dport 53 drop',
        rule: 'ip filter FORWARD',
        isOurs: false,
      }),
    );
    const passed = fates.filter(({ packet, outcome }) => packet.protocol === 'icmp' && outcome === 'passed');
    expect(passed.map(({ packet, reason, device }) => [packet.detail, reason, device])).toEqual([
      ['echo-request', 'as 192.0.2.2', 'lan0'],
      ['echo-reply', undefined, deviceOf('web')],
    ]);
  });

  it('tells of what comes for a machine: by a forward, and where there is none', async () => {
    await lab.answerOn(web1, [7001]);
    lab.must(lab.router, 'ip route replace 10.77.1.0/24 via 192.0.2.2');
    const fates = await during('web1', () => {
      expect(lab.ask(lab.outside, '192.0.2.2', 9011)).toBe('203.0.113.9');
      expect(lab.pings(lab.outside, '10.77.1.11')).toBe(false);
    });
    lab.must(lab.router, 'ip route del 10.77.1.0/24');
    expect(fates).toContainEqual(
      expect.objectContaining({
        packet: expect.objectContaining({
          source: '203.0.113.9',
          targetPort: 7001,
          detail: 'syn',
        }) as unknown,
        outcome: 'passed',
        device: deviceOf('web'),
      }),
    );
    expect(fates).toContainEqual(
      expect.objectContaining({
        outcome: 'refused',
        reason: 'from outside a nat network is reached by forwards and public addresses only',
      }),
    );
  });

  it('tells that an isolated network reaches its own machines and not the host', async () => {
    const bridgeMac = /link\/ether (\S+)/.exec(lab.must(lab.host, `ip link show ${deviceOf('back')}`))?.[1];
    const fates = await during('db1', () => {
      expect(lab.pings(db1, '10.77.3.12')).toBe(true);
      expect(lab.pings(db2, '10.77.3.11')).toBe(true);
      lab.must(
        db1,
        `ip route replace 192.0.2.2 dev eth0; ip neigh replace 192.0.2.2 lladdr ${bridgeMac} dev eth0; ping -c 1 -W 1 192.0.2.2 || true`,
      );
    });
    const bridged = fates.filter(({ packet, outcome }) => packet.protocol === 'icmp' && outcome === 'passed');
    expect(new Set(bridged.map(({ device }) => device))).toEqual(
      new Set([...nicsOf('db1'), ...nicsOf('db2')].map(({ interfaceName }) => interfaceName)),
    );
    expect(fates).toContainEqual(
      expect.objectContaining({
        outcome: 'dropped',
        reason: 'its network is isolated, from the host too',
        isOurs: true,
      }),
    );
  });

  it('keeps nobody from reading the rules meanwhile', async () => {
    await during('web1', async () => {
      expect(lab.must(lab.host, 'nft list tables')).toContain('.trace');
      expect((await planFor(engine, topology)).steps).toEqual([]);
      expect((await engine.status(AbortSignal.timeout(5000))).running).toBe(true);
    });
  });
});
