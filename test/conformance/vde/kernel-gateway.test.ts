/** The kernel as the gateway of VDE networks, where there is root: a host, a router and an outside made of namespaces. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engines/contract.js';
import { createVdeEngine } from '../../../src/engines/vde/vde-engine.js';
import type { Topology } from '../../../src/topology/topology.js';
import { converge, planFor } from '../linux/converge.js';
import { NamespaceLab, whyNot as whyNoNamespaces } from '../linux/namespace-lab.js';
import { topologyOf } from './topologies.js';
import { whyNot } from './vde-lab.js';

const reason = whyNoNamespaces() ?? whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('nat and routed VDE networks behind the kernel', () => {
  let lab: NamespaceLab;
  let before: string;
  let web1: string;
  let srv1: string;
  const topology: Topology = topologyOf(
    [
      { name: 'web', mode: 'nat', net: '10.78.1', net6: 'fd00:78:1::' },
      { name: 'srv', mode: 'routed', net: '10.78.2' },
    ],
    { web1: [{ network: 'web', host: 11 }], srv1: [{ network: 'srv', host: 11 }] },
    [{ listen: '192.0.2.2', ports: [9011, 9011], to: 'web1', targetPort: 7002 }],
  );
  const engine = (): Engine =>
    createVdeEngine({ project: 'lab', places: lab.places }, { namespace: lab.host, isRoot: true });

  beforeAll(async () => {
    lab = new NamespaceLab();
    lab.must(lab.router, 'ip route add 10.78.2.0/24 via 192.0.2.2');
    before = lab.dump();
    await converge(engine(), topology);
    [web1, srv1] = [plugIn('web1'), plugIn('srv1')];
    // The cables come after the namespaces, and the leases after the cables.
    for (const namespace of [web1, srv1]) {
      lab.must(
        namespace,
        'for i in $(seq 50); do ip link show eth0 >/dev/null 2>&1 && break; sleep 0.1; done',
      );
      lab.must(namespace, `ip link set lo up; ip link set eth0 address ${macOf(namespace)} up`);
    }
  });
  afterAll(async () => {
    try {
      await converge(engine(), undefined);
      expect(lab.dump()).toBe(before);
    } finally {
      await lab.close();
    }
  });

  const nicOf = (machine: string) => {
    const nic = topology.machines.find(({ name }) => name === machine)?.nics[0];
    const network = topology.networks.find(({ name }) => name === nic?.network);
    if (nic === undefined || network === undefined) throw new Error(machine);
    return { nic, network };
  };
  const macOf = (namespace: string): string => nicOf(namespace.endsWith('web1') ? 'web1' : 'srv1').nic.mac;

  /** A namespace in the place of a machine: it plugs into the machine's own port. */
  function plugIn(machine: string): string {
    const namespace = lab.extraNamespace(machine);
    const { nic, network } = nicOf(machine);
    const [, netdev = ''] = engine().netdev(nic, network, topology);
    const [, directory, port] = /sock=([^,]+),port=(\d+)/.exec(netdev) ?? [];
    lab.background(namespace, ['vde_plug', `vde://${directory}[${port}]`, 'tap://eth0']);
    return namespace;
  }

  const lease = (namespace: string): string =>
    lab.must(namespace, 'busybox udhcpc -i eth0 -n -q -f -t 5 -T 1 -s /bin/true 2>&1');

  it('have nothing left to do, and leave their counters to status', async () => {
    expect((await planFor(engine(), topology)).steps).toEqual([]);
    const { ports } = await engine().status(AbortSignal.timeout(5000));
    expect(ports.map(({ nic, connected }) => [nic, connected])).toEqual(
      expect.arrayContaining([
        ['web1/0', true],
        ['srv1/0', true],
      ]),
    );
  });

  it('give addresses by DHCP', async () => {
    expect(lease(web1)).toContain('lease of 10.78.1.11 obtained from 10.78.1.1');
    expect(lease(srv1)).toContain('lease of 10.78.2.11 obtained from 10.78.2.1');
    const leases = await engine().leases(AbortSignal.timeout(5000));
    expect(leases.map(({ machine, address }) => `${machine} ${address}`).sort()).toEqual([
      'srv1 10.78.2.11',
      'web1 10.78.1.11',
    ]);
    lab.must(web1, 'ip address add 10.78.1.11/24 dev eth0; ip route add default via 10.78.1.1');
    lab.must(srv1, 'ip address add 10.78.2.11/24 dev eth0; ip route add default via 10.78.2.1');
  });

  it('lead out: nat as the host, routed as themselves', async () => {
    await lab.answerOn(lab.outside, [7001]);
    expect(lab.ask(web1, '203.0.113.9', 7001)).toBe('192.0.2.2');
    expect(lab.ask(srv1, '203.0.113.9', 7001)).toBe('10.78.2.11');
    expect(lab.pings(lab.outside, '10.78.2.11')).toBe(true);
  });

  it("are entered by forwards, which keep the client's address", async () => {
    await lab.answerOn(web1, [7002]);
    expect(lab.ask(lab.outside, '192.0.2.2', 9011)).toBe('203.0.113.9');
  });

  it('have machines with public addresses, which without root they cannot have', async () => {
    const options = { 'public-ipv4': '192.0.2.70' };
    const machines = topology.machines.map((machine) =>
      machine.name === 'web1'
        ? {
            ...machine,
            nics: machine.nics.map((nic) => ({ ...nic, options: { ...nic.options, ...options } })),
          }
        : machine,
    );
    const wider = { ...topology, machines };
    await converge(engine(), wider);
    expect(lab.ask(lab.outside, '192.0.2.70', 7002)).toBe('203.0.113.9');
    expect(lab.ask(web1, '203.0.113.9', 7001)).toBe('192.0.2.70');
    await converge(engine(), topology);
    expect(lab.ask(web1, '203.0.113.9', 7001)).toBe('192.0.2.2');
    const rootless = createVdeEngine(
      { project: 'lab', places: lab.places },
      { namespace: lab.host, isRoot: false },
    );
    const problems = await rootless.preflight(wider, AbortSignal.timeout(10_000));
    expect(problems.map(({ code }) => code)).toEqual(['vde/public-address-needs-root']);
  });

  it('show the host as a hop, and carry megabytes', () => {
    expect(lab.must(srv1, 'busybox traceroute -n -q 1 -w 2 -m 5 203.0.113.9')).toMatch(
      /1 {2}10\.78\.2\.1 [\s\S]*2 {2}192\.0\.2\.1 /,
    );
    lab.background(lab.outside, ['iperf3', '-s']);
    const report = lab.must(web1, 'sleep 0.3; iperf3 -J -c 203.0.113.9 -n 16M');
    const { end } = JSON.parse(report) as { end: { sum_sent: { bytes: number } } };
    expect(end.sum_sent.bytes).toBeGreaterThanOrEqual(16 * 1024 * 1024);
  });

  it('come back when the switch is killed: the tap is plugged in again', async () => {
    const pid = Number(lab.must(lab.host, `cat ${lab.places.runDir}/switches/web/switch.pid`));
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await planFor(engine(), topology)).steps.length).toBeGreaterThan(1);
    await converge(engine(), topology);
    expect((await planFor(engine(), topology)).steps).toEqual([]);
    // Who was plugged in plugs in again, as a QEMU does.
    plugAgain('web1');
    await expect.poll(() => lab.pings(web1, '10.78.1.1'), { timeout: 10_000 }).toBe(true);
  });

  function plugAgain(machine: string): void {
    const { nic, network } = nicOf(machine);
    const [, netdev = ''] = engine().netdev(nic, network, topology);
    const [, directory, port] = /sock=([^,]+),port=(\d+)/.exec(netdev) ?? [];
    lab.must(web1, 'for i in $(seq 50); do ip link show eth0 >/dev/null 2>&1 || break; sleep 0.1; done');
    lab.background(web1, ['vde_plug', `vde://${directory}[${port}]`, 'tap://eth0']);
    lab.must(web1, 'for i in $(seq 50); do ip link show eth0 >/dev/null 2>&1 && break; sleep 0.1; done');
    lab.must(web1, `ip link set eth0 address ${nic.mac} up; ip address add 10.78.1.11/24 dev eth0`);
  }
});
