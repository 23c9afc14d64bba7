import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disruptiveSteps } from '../../../src/plan/plan.js';
import type { Network } from '../../../src/topology/topology.js';
import { arrivals, FramePort } from './frame-port.js';
import { arp, note } from './frames.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { forward, network, nic, subnets, topology } from './topologies.js';
import { sendWholeChecksums } from '../../lab/offloads.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const inside = { options: { attach: 'netns' } };

/** The LAN beyond the host: another namespace on a veth, with the host's default route. */
async function layLan(host: OvsHost): Promise<{ namespace: string } & AsyncDisposable> {
  const namespace = `${host.namespace}-lan`;
  await host.addNamespace(namespace);
  await host.type(
    [
      `ip link add lan0 type veth peer name eth0 netns ${namespace}`,
      'ip address add 198.51.100.1/24 dev lan0',
      'ip link set lan0 up',
      `ip -n ${namespace} address add 198.51.100.2/24 dev eth0`,
      `ip -n ${namespace} link set eth0 up`,
      `ip -n ${namespace} link set lo up`,
      'ip route add default via 198.51.100.2',
    ].join('; '),
  );
  return { namespace, [Symbol.asyncDispose]: async () => host.deleteNamespace(namespace) };
}

async function iperfServer(namespace: string): Promise<ChildProcess> {
  const server = spawn(
    'ip',
    ['netns', 'exec', namespace, 'iperf3', '--server', '--one-off', '--json', '--forceflush'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(server, 'spawn');
  return server;
}

interface IperfReport {
  readonly start: { readonly connected: readonly { readonly remote_host: string }[] };
  readonly end: { readonly sum_received: { readonly bits_per_second: number; readonly bytes: number } };
}

describe.skipIf(lacking !== undefined)('networks of the ovs engine', () => {
  let host: OvsHost;
  beforeAll(async () => {
    host = await OvsHost.start();
  });
  afterAll(async () => host?.[Symbol.asyncDispose]());

  /** Sends 4 MB over TCP. @returns what the server saw. */
  async function transfer(
    from: string,
    to: string,
    address: string,
    ...more: readonly string[]
  ): Promise<IperfReport> {
    const server = await iperfServer(to);
    const chunks: Buffer[] = [];
    server.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = once(server, 'close');
    const client = `for i in $(seq 50); do ip netns exec ${from} iperf3 --client ${address} --bytes 4M ${more.join(' ')} >/dev/null && exit 0; sleep 0.1; done; exit 1`;
    await host.type(client);
    await ended;
    return JSON.parse(Buffer.concat(chunks).toString()) as IperfReport;
  }

  it('nat: inwards only by forwards, outwards in the name of the host; a second plan is empty; down leaves nothing', async () => {
    const project = 'ovsnat';
    await using lan = await layLan(host);
    const before = await host.run('ip', '-br', 'link');
    await using it = await OvsProject.create(project, host);
    const web = network(project, 'web', 'nat', subnets(31));
    const a = nic(project, 'a', 0, web, { ipv4: '10.31.0.11', ipv6: 'fd00:31::11', ...inside });
    const b = nic(project, 'b', 0, web, { ipv4: '10.31.0.12', ipv6: 'fd00:31::12', ...inside });
    const c = nic(project, 'c', 0, web, { ipv4: '10.31.0.13', ipv6: 'fd00:31::13' });
    const wanted = topology(project, [web], [a, b, c], { forwards: [forward(web, a, 9011, 5201)] });
    expect(await it.engine.preflight(wanted, signal())).toEqual([]);
    await it.up(wanted, signal());
    expect((await it.plan(it.engine.desire(wanted), signal())).steps).toEqual([]);

    const [inA, inB] = ['a', 'b'].map((name) => `passerelle:${project}:ovs-machine:${name}`) as [
      string,
      string,
    ];
    for (const address of ['10.31.0.12', '10.31.0.1', 'fd00:31::12', 'fd00:31::1', '198.51.100.2']) {
      await host.run('ip', 'netns', 'exec', inA, 'ping', '-c', '1', '-W', '2', address);
    }
    const neighbour = await transfer(inA, inB, '10.31.0.12');
    expect(neighbour.end.sum_received.bytes).toBeGreaterThan(1e6);
    const outwards = await transfer(inA, lan.namespace, '198.51.100.2');
    expect(outwards.start.connected[0]!.remote_host).toBe('198.51.100.1');
    const inwards = await transfer(lan.namespace, inA, '198.51.100.1', '--port', '9011');
    expect(inwards.start.connected[0]!.remote_host).toBe('198.51.100.2');
    await host.run('ip', '-n', lan.namespace, 'route', 'add', '10.31.0.0/24', 'via', '198.51.100.1');
    const direct = host.run('ip', 'netns', 'exec', lan.namespace, 'ping', '-c', '1', '-W', '1', '10.31.0.11');
    await expect(direct).rejects.toThrow(/Command failed/);

    const status = await it.engine.status(signal());
    expect(status.running).toBe(true);
    expect(status.ports.map((port) => port.nic).sort()).toEqual(['a/0', 'b/0', 'c/0']);
    expect(status.notes.join('\n')).toContain('netdev');
    await it.down(signal());
    expect(await it.engine.observe(signal())).toEqual([]);
    expect(await host.run('ip', '-br', 'link')).toBe(before);
    expect(await host.run('nft', 'list', 'ruleset')).toBe('');
    expect(await host.run('ovs-vsctl', 'list-br')).toBe('');
    expect(await host.run('ovs-vsctl', '--bare', '--columns=_uuid', 'list', 'QoS')).toBe('');
  });

  it('routed: both ways, without translation', async () => {
    const project = 'ovsroute';
    await using lan = await layLan(host);
    await using it = await OvsProject.create(project, host);
    const dmz = network(project, 'dmz', 'routed', subnets(32));
    const a = nic(project, 'a', 0, dmz, { ipv4: '10.32.0.11', ...inside });
    await it.up(topology(project, [dmz], [a]), signal());
    await host.run('ip', '-n', lan.namespace, 'route', 'add', '10.32.0.0/24', 'via', '198.51.100.1');
    const inA = `passerelle:${project}:ovs-machine:a`;
    const inwards = await transfer(lan.namespace, inA, '10.32.0.11');
    expect(inwards.start.connected[0]!.remote_host).toBe('198.51.100.2');
    const outwards = await transfer(inA, lan.namespace, '198.51.100.2');
    expect(outwards.start.connected[0]!.remote_host).toBe('10.32.0.11');
  });

  it('isolated: its machines reach each other and its DHCP server, and neither they nor the host each other', async () => {
    const project = 'ovsback';
    await using it = await OvsProject.create(project, host);
    const back = network(project, 'back', 'isolated', subnets(33));
    const a = nic(project, 'a', 0, back, { ipv4: '10.33.0.11', ...inside });
    const b = nic(project, 'b', 0, back, { ipv4: '10.33.0.12' });
    await host.run('ip', 'address', 'add', '203.0.113.7/32', 'dev', 'lo');
    await it.up(topology(project, [back], [a, b]), signal());
    const inA = `passerelle:${project}:ovs-machine:a`;
    const lease = await host
      .run(
        ...([
          'ip',
          'netns',
          'exec',
          inA,
          'busybox',
          'udhcpc',
          '-i',
          a.interfaceName,
          '-n',
          '-q',
          '-f',
          '-s',
          '/bin/true',
        ] as const),
      )
      .catch((error: unknown) => String(error));
    expect(lease).not.toContain('no lease');
    expect((await it.engine.leases(signal())).map(({ machine, address }) => [machine, address])).toEqual([
      ['a', '10.33.0.11'],
    ]);

    // Behind the tap of b, as its QEMU would be.
    await using machine = await FramePort.open(host.namespace, b.interfaceName, 'tap');
    await using peer = await FramePort.open(inA, a.interfaceName);
    const asks = (address: string) => arp({ from: b.mac }, 1, { mac: b.mac, ip: '10.33.0.12' }, address);
    const addresses = ['203.0.113.7', '127.0.0.1', '10.33.0.11'];
    const came = await arrivals(machine, peer, note({ from: b.mac }, 'asked'), addresses.map(asks));
    expect(came).toEqual([true, true, true]);
    peer.send(note({ from: a.mac }, 'end'));
    await machine.expect(note({ from: a.mac }, 'end'));
    const answers = machine.received.filter(
      (frame) => frame.slice(24, 28) === '0806' && frame.slice(40, 44) === '0002',
    );
    // Only the machine itself answers for its address: nobody of the host does for the host's.
    expect(answers.map((frame) => frame.slice(56, 64))).toEqual(['0a21000b']);
    await host.run('ip', 'address', 'del', '203.0.113.7/32', 'dev', 'lo');
  });

  // Measures a rate: a host that is busy with something else is given another try.
  it('limits what a machine sends', { retry: 2 }, async () => {
    const project = 'ovsrate';
    await using it = await OvsProject.create(project, host);
    const lab = network(project, 'lab', 'isolated', { ...subnets(34) });
    const limited = { options: { attach: 'netns', 'rate-limit': '20mbit' } };
    const a = nic(project, 'a', 0, lab, { ipv4: '10.34.0.11', ...limited });
    const b = nic(project, 'b', 0, lab, { ipv4: '10.34.0.12', ...inside });
    const wanted = topology(project, [lab], [a, b]);
    await it.up(wanted, signal());
    const [inA, inB] = ['a', 'b'].map((name) => `passerelle:${project}:ovs-machine:${name}`) as [
      string,
      string,
    ];
    const slow = (await transfer(inA, inB, '10.34.0.12')).end.sum_received.bits_per_second;
    const fast = (await transfer(inB, inA, '10.34.0.11')).end.sum_received.bits_per_second;
    console.log(
      `limited to 20 Mbit/s: ${(slow / 1e6).toFixed(1)}; the other way: ${(fast / 1e6).toFixed(0)} Mbit/s`,
    );
    expect(slow).toBeLessThan(26e6);
    expect(slow).toBeGreaterThan(12e6);
    expect(fast).toBeGreaterThan(40e6);
    const doubled = { ...a, options: { ...a.options, 'rate-limit': '40mbit' } };
    await it.up(topology(project, [lab], [doubled, b]), signal());
    // A fifth of a second comes at once, and iperf3 counts what the sockets still hold: of 4 MB that was up to half.
    const faster = (await transfer(inA, inB, '10.34.0.12', '--bytes', '16M')).end.sum_received;
    console.log(`limited to 40 Mbit/s: ${(faster.bits_per_second / 1e6).toFixed(1)}`);
    expect(faster.bits_per_second).toBeLessThan(52e6);
    expect(faster.bits_per_second).toBeGreaterThan(24e6);
  });

  it('bridge: the host lives on the LAN by its bridge, machines beside it; down gives the NIC back its life', async () => {
    const project = 'ovslan';
    await using lan = await layLan(host);
    sendWholeChecksums(host.namespace, 'lan0');
    sendWholeChecksums(lan.namespace, 'eth0');
    const life = async () =>
      [await host.run('ip', '-br', 'address', 'show', 'dev', 'lan0'), await host.run('ip', 'route')].map(
        (text) => text.trim(),
      );
    const before = await life();
    await using it = await OvsProject.create(project, host);
    const office: Network = network(project, 'office', 'bridge', { uplink: 'default' });
    const a = nic(project, 'a', 0, office, { ...inside });
    const wanted = topology(project, [office], [a]);
    const plan = await it.up(wanted, signal());
    // Nothing runs yet, so `up` has nobody to ask about.
    expect(disruptiveSteps(plan, new Set(['a']))).toEqual([]);
    expect((await it.plan(it.engine.desire(wanted), signal())).steps).toEqual([]);
    const inA = `passerelle:${project}:ovs-machine:a`;
    await host.run('ip', '-n', inA, 'address', 'add', '198.51.100.11/24', 'dev', a.interfaceName);
    const pings = await host.run(
      'ip',
      'netns',
      'exec',
      lan.namespace,
      'ping',
      '-c',
      '3',
      '-i',
      '0.2',
      '-W',
      '2',
      '198.51.100.1',
    );
    expect(pings).toContain('3 received');
    expect(pings).not.toContain('DUP');
    await transfer(lan.namespace, inA, '198.51.100.11');
    await transfer(inA, lan.namespace, '198.51.100.2');
    await host.run('ping', '-c', '1', '-W', '2', '198.51.100.11');
    expect(await host.run('ip', 'route', 'show', 'default')).toContain(`dev ${office.interfaceName}`);
    await host.run('ip', '-n', inA, 'address', 'del', '198.51.100.11/24', 'dev', a.interfaceName);
    await it.down(signal());
    expect(await life()).toEqual(before);
    await host.run('ping', '-c', '1', '-W', '2', '198.51.100.2');
  });

  describe('an uplink after which the gateway is silent', () => {
    const project = 'ovsmute';
    const office: Network = network(project, 'office', 'bridge', { uplink: 'default' });
    const wanted = topology(project, [office], [nic(project, 'a', 0, office, { ...inside })]);

    /** The gateway answers the probe before the change and none after it, as on a port that takes no second MAC. */
    async function layMutedLan(): ReturnType<typeof layLan> {
      const lan = await layLan(host);
      sendWholeChecksums(host.namespace, 'lan0');
      sendWholeChecksums(lan.namespace, 'eth0');
      for (const line of [
        'add table ip mute',
        'add chain ip mute c { type filter hook input priority 0 ; }',
        'add rule ip mute c icmp type echo-request limit rate over 1/day burst 1 packets drop',
      ])
        await host.run('ip', 'netns', 'exec', lan.namespace, 'nft', line);
      return lan;
    }

    const life = async () =>
      host.type('ip -o address show dev lan0 | cut -d" " -f1-7; ip route; ip -6 route show dev lan0');

    it('is taken out again when the time limit passes, and the host has its life back', async () => {
      await using lan = await layMutedLan();
      await host.type('ip address add 2001:db8:7::1/64 dev lan0 nodad');
      const before = await life();
      await using it = await OvsProject.create(project, host, { commitLimitMs: 3000, peers: [] });
      await expect(it.up(wanted, signal())).rejects.toThrow(/198\.51\.100\.2 did not answer any more/u);
      expect(await life()).toBe(before);
      expect(await host.run('ovs-vsctl', 'list-br')).toBe('');
      await host.run('ip', 'netns', 'exec', lan.namespace, 'nft', 'delete table ip mute');
      await host.run('ping', '-c', '1', '-W', '2', '198.51.100.2');
    });

    it('stays when the person says so in time', async () => {
      await using _lan = await layMutedLan();
      await using it = await OvsProject.create(project, host, { commitLimitMs: 20_000, peers: [] });
      const coming = it.up(wanted, signal());
      let committed: string[] = [];
      while (committed.length === 0) {
        await sleep(100);
        const { notes } = await it.engine.status(signal());
        if (notes.some((note) => note.includes('passerelle commit')))
          committed = (await it.engine.commit?.()) ?? [];
      }
      await coming;
      expect(committed).toEqual(['office']);
      expect(await host.run('ovs-vsctl', 'list-ports', office.interfaceName)).toContain('lan0');
      await it.down(signal());
    });
  });
});
