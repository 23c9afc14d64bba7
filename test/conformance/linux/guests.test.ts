import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests } from '../../lab/guest.js';
import { converge } from './converge.js';
import { NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('real machines on the kernel’s taps', () => {
  const signal = AbortSignal.timeout(115_000);
  let lab: NamespaceLab;
  let engine: Engine;
  let guests: Guest[];
  const topology = topologyOf(
    PROJECT,
    [{ name: 'web', mode: 'nat', net: '10.77.1', net6: 'fd00:77:1::', mtuBytes: 1400 }],
    {
      a: [{ network: 'web', host: 11, options: { owner: 'nobody' } }],
      b: [{ network: 'web', host: 12, options: { owner: 'nobody', 'rate-limit': '40mbit' } }],
    },
    [{ listen: '0.0.0.0', ports: [9011, 9011], to: 'a', targetPort: 5201 }],
  );

  beforeAll(async () => {
    await buildMicroGuest(signal);
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    await converge(engine, topology);
    // QEMU without privilege: the taps belong to the user.
    const asOwner = [
      'setpriv',
      '--reuid=nobody',
      '--regid=nogroup',
      '--clear-groups',
      '--no-new-privs',
      '--',
    ];
    // As udev has it everywhere else: anybody may open /dev/net/tun, and the tap decides. In ip's own mount namespace.
    const openTun =
      'mknod -m 666 "$MICRO_GUEST_DIR/tun" c 10 200 && mount --bind "$MICRO_GUEST_DIR/tun" /dev/net/tun';
    const handOver = `${openTun} && chown nobody "$MICRO_GUEST_DIR" && exec "$@"`;
    guests = await Promise.all(
      topology.machines.map((machine) =>
        startGuest(
          {
            name: machine.name,
            nics: machine.nics.map((nic) => [...engine.netdev(nic, topology.networks[0]!, topology)]),
            programs: ['iperf3'],
            within: ['ip', 'netns', 'exec', lab.host, 'sh', '-c', handOver, 'sh', ...asOwner],
          },
          signal,
        ),
      ),
    );
    await Promise.all(guests.map((guest) => guest.ready()));
  });
  afterAll(async () => {
    await stopAllGuests();
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  it('have their own addresses by DHCP, the MTU, and names', async () => {
    const leases = await engine.leases(signal);
    expect(leases.map(({ machine, address }) => `${machine} ${address}`).sort()).toEqual([
      'a 10.77.1.11',
      'b 10.77.1.12',
    ]);
    const [a] = guests as [Guest];
    expect(await a.must('ip link show eth0')).toContain('mtu 1400');
    expect(await a.must(`nslookup b.${PROJECT}.internal`)).toContain('10.77.1.12');
    const { ports } = await engine.status(signal);
    expect(ports.map(({ nic, connected, rxFrames }) => `${nic} ${connected} ${rxFrames > 0}`).sort()).toEqual(
      ['a/0 true true', 'b/0 true true'],
    );
  });

  it('form their IPv6 address from the advertisement and reach the outside by both families', async () => {
    const [a] = guests as [Guest];
    const ipv6 = topology.machines[0]?.nics[0]?.ipv6 ?? '';
    await a.must(
      'for i in $(seq 50); do ip -6 address show dev eth0 scope global | grep -v tentative | grep -q inet6 && break; sleep 0.2; done',
    );
    expect(await a.must('ip -6 address show dev eth0 scope global')).toContain(ipv6);
    await a.must('ping -c 2 -W 2 203.0.113.9');
    await a.must('ping -6 -c 2 -W 2 2001:db8:9::9');
  });

  it('move megabytes out, in by a forward, and between them within a rate', async () => {
    const [a, b] = guests as [Guest, Guest];
    lab.background(lab.outside, ['iperf3', '-s']);
    interface Report {
      readonly end: Record<
        'sum_sent' | 'sum_received',
        { readonly bytes: number; readonly bits_per_second: number }
      >;
    }
    await a.must('iperf3 --server --daemon');
    const out = JSON.parse(await a.must('iperf3 --client 203.0.113.9 --bytes 4M --json')) as Report;
    expect(out.end.sum_sent.bytes).toBeGreaterThan(4e6);
    const inwards = JSON.parse(
      lab.must(lab.outside, 'iperf3 --client 192.0.2.2 --port 9011 --bytes 4M --json'),
    ) as Report;
    expect(inwards.end.sum_sent.bytes).toBeGreaterThan(4e6);
    const limited = JSON.parse(await b.must('iperf3 --client 10.77.1.11 --time 3 --json')) as Report;
    expect(limited.end.sum_received.bits_per_second).toBeLessThan(60e6);
  });

  it('are heard by a capture', async () => {
    const [a] = guests as [Guest];
    const nic = topology.machines[0]?.nics[0];
    const stop = new AbortController();
    const chunks: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of engine.capture(nic!, topology.networks[0]!, stop.signal))
        chunks.push(Buffer.from(chunk));
    })();
    for (let round = 0; round < 20 && Buffer.concat(chunks).length < 2000; round++) {
      await a.must('ping -c 5 -i 0.1 -s 200 10.77.1.1');
    }
    stop.abort();
    await reading;
    // Section header block of pcapng.
    expect(Buffer.concat(chunks).readUInt32BE(0)).toBe(0x0a0d0d0a);
    expect(Buffer.concat(chunks).length).toBeGreaterThan(2000);
  });
});
