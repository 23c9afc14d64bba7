import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests } from '../../lab/guest.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, subnets, topology } from './topologies.js';

const lacking = lackingForOvs();
const PROJECT = 'ovsguests';

describe.skipIf(lacking !== undefined)('real machines on taps of the ovs engine', () => {
  const signal = AbortSignal.timeout(110_000);
  const web = network(PROJECT, 'web', 'nat', subnets(71));
  const a = nic(PROJECT, 'a', 0, web, { ipv4: '10.71.0.11' });
  const b = nic(PROJECT, 'b', 0, web, { ipv4: '10.71.0.12', options: { 'rate-limit-in': '20mbit' } });
  const wanted = topology(PROJECT, [web], [a, b]);
  let host: OvsHost;
  let project: OvsProject;
  let guests: Guest[];

  beforeAll(async () => {
    await buildMicroGuest(signal);
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    await project.up(wanted, signal);
    guests = await Promise.all(
      [a, b].map(async (each) =>
        startGuest(
          {
            name: each.machine,
            nics: [[...project.engine.netdev(each, web, wanted)]],
            programs: ['iperf3'],
            within: ['ip', 'netns', 'exec', host.namespace],
          },
          signal,
        ),
      ),
    );
    await Promise.all(guests.map((guest) => guest.ready()));
  });
  afterAll(async () => {
    await stopAllGuests();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  it('have their own addresses by DHCP, and are seen', async () => {
    const leases = await project.engine.leases(signal);
    expect(leases.map(({ machine, address }) => `${machine} ${address}`).sort()).toEqual([
      'a 10.71.0.11',
      'b 10.71.0.12',
    ]);
    const { ports } = await project.engine.status(signal);
    expect(ports.map(({ nic: id, connected }) => `${id} ${connected}`).sort()).toEqual([
      'a/0 true',
      'b/0 true',
    ]);
  });

  it('move 4 MB over TCP each way; the way to b is limited', async () => {
    const [first, second] = guests as [Guest, Guest];
    await Promise.all(guests.map((guest) => guest.must('iperf3 --server --daemon')));
    const rateOf = async (from: Guest, address: string) => {
      const report = JSON.parse(await from.must(`iperf3 --client ${address} --bytes 4M --json`)) as {
        end: { sum_received: { bits_per_second: number; bytes: number } };
      };
      expect(report.end.sum_received.bytes).toBeGreaterThan(3e6);
      return report.end.sum_received.bits_per_second;
    };
    const toA = await rateOf(second, '10.71.0.11');
    const toB = await rateOf(first, '10.71.0.12');
    console.log(
      `guest to guest: ${(toA / 1e6).toFixed(0)} Mbit/s; limited to 20: ${(toB / 1e6).toFixed(1)} Mbit/s`,
    );
    expect(toB).toBeLessThan(24e6);
    expect(toB).toBeGreaterThan(10e6);
    expect(toA).toBeGreaterThan(toB);
  });

  it('lose nothing of note when their port is taken out and in again', async () => {
    const [first] = guests as [Guest, Guest];
    await host.run('ovs-vsctl', 'del-port', b.interfaceName);
    await project.up(wanted, signal);
    expect(await first.must('ping -c 3 -W 2 10.71.0.12')).toContain(' 0% packet loss');
  });

  it('can be captured', async () => {
    const [first] = guests as [Guest, Guest];
    const stop = new AbortController();
    const chunks: Uint8Array[] = [];
    const capture = (async () => {
      for await (const chunk of project.engine.capture(a, web, stop.signal)) chunks.push(chunk);
    })();
    while (chunks.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await first.must('ping -c 2 -s 333 10.71.0.1');
    const magic = () => Buffer.concat(chunks);
    // The pattern of a ping's payload is its first bytes counted up; its length tells it apart: 333 + 8 + 20 = 361.
    while (!magic().includes(Buffer.from([0x45, 0x00, 0x01, 0x69])))
      await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort(new Error('seen enough'));
    await capture.catch(() => undefined);
    expect(magic().readUInt32LE(0)).toBe(0x0a0d0d0a);
  });
});
