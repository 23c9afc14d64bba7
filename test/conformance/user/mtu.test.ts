/** Networks with `mtu: largest`: two guests at 65520, and a neighbour, a network and a world that keep 1500. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guest } from '../../lab/guest.js';
import { startByHand } from '../hand-started.js';
import { type HostWeb, startHostWeb } from '../host-services.js';
import { patternDigest } from '../pattern.js';
import { Stage } from '../stage.js';

const LARGEST = 65_520;
const MEGABYTE = 1024 * 1024;

describe('mtu: largest', () => {
  let stage: Stage;
  let web: HostWeb;
  let m1: Guest;
  let m2: Guest;
  let far: Guest;

  beforeAll(async () => {
    web = await startHostWeb();
    stage = await Stage.open();
    await stage.write(`project: mtu${process.pid.toString(36)}
networks:
  wide: { mode: routed, ipv4: 10.45.0.0/24, mtu: largest, host-loopback: true }
  narrow: { mode: routed, ipv4: 10.45.1.0/24 }
machines:
  m1: { nics: [{ network: wide, ipv4: 10.45.0.11 }] }
  m2: { nics: [{ network: wide, ipv4: 10.45.0.12 }] }
  far: { nics: [{ network: narrow, ipv4: 10.45.1.13 }] }
`);
    await stage.must('up');
    [m1, m2, far] = await Promise.all([
      startByHand(stage, 'm1', ['socat']),
      startByHand(stage, 'm2', ['socat']),
      startByHand(stage, 'far', ['socat']),
    ]);
    await Promise.all([m1.ready(), m2.ready(), far.ready()]);
  }, 240_000);
  afterAll(async () => {
    await stage.close();
    await web.close();
  });

  const mtuOf = (guest: Guest): Promise<string> => guest.must('cat /sys/class/net/eth0/mtu');

  /** Sends a datagram of that size. @returns what came of it, by `wc`. */
  async function datagram(from: Guest, to: Guest, address: string, bytes: number): Promise<string> {
    await to.must(
      `rm -f /tmp/got; (socat -b 65535 -u UDP4-RECVFROM:9 CREATE:/tmp/got >/dev/null 2>&1 & echo $! >/tmp/pid)`,
    );
    const arrives = async (): Promise<string> => {
      await from.must(`head -c ${bytes} /bin/busybox | socat -b 65535 -u - UDP4-SENDTO:${address}:9`);
      return to.must('cat /tmp/got 2>/dev/null | wc -c');
    };
    await expect.poll(arrives, { timeout: 15_000, interval: 300 }).not.toBe('0');
    const got = await to.must('wc -c </tmp/got');
    await to.run('kill $(cat /tmp/pid)');
    return got;
  }

  it('is what the guest’s NIC begins with, and what DHCP and router advertisements say', async () => {
    expect(await mtuOf(m1)).toBe(String(LARGEST));
    expect(await mtuOf(far)).toBe('1500');
    expect(await m1.must('cat /proc/sys/net/ipv6/conf/eth0/mtu')).toBe(String(LARGEST));
    expect(await stage.must('netdev', 'm1')).toContain(`host_mtu=${LARGEST}`);
    // By the lease alone.
    await m1.must('ip link set eth0 mtu 1500 && kill -USR1 $(cat /run/nic/eth0/pid)');
    await expect.poll(() => mtuOf(m1), { timeout: 15_000 }).toBe(String(LARGEST));
  });

  it('carries a datagram of 60,000 bytes in one packet', async () => {
    const frames = async (): Promise<number> =>
      Number(await m2.must('cat /sys/class/net/eth0/statistics/rx_packets'));
    await m1.must('ping -c 1 -W 5 10.45.0.12');
    const before = await frames();
    expect(await datagram(m1, m2, '10.45.0.12', 60_000)).toBe('60000');
    expect((await frames()) - before).toBeLessThan(20);
  });

  it('reaches a neighbour that keeps 1500 by TCP, both ways, byte for byte', async () => {
    await m2.must('ip link set eth0 mtu 1500');
    const digest = async (guest: Guest, address: string): Promise<string> => {
      const line = `timeout 60 wget -q -O - http://${address}:9090/cgi-bin/big?${4 * MEGABYTE} | md5sum`;
      return (await guest.must(line, { timeoutMs: 70_000 })).slice(0, 32);
    };
    const [there, back] = [await digest(m1, '10.45.0.12'), await digest(m2, '10.45.0.11')];
    expect(there).toBe(back);
    expect(there).toBe(await digest(m1, '127.0.0.1'));
    await m2.must(`ip link set eth0 mtu ${LARGEST}`);
  });

  it('honours the path to a network of 1500: TCP, datagrams in fragments, and too big is said', async () => {
    const line = `timeout 60 wget -q -O - http://10.45.1.13:9090/cgi-bin/big?${MEGABYTE} | md5sum`;
    expect(await m1.must(line, { timeoutMs: 70_000 })).toBe(
      await far.must(line.replace('10.45.1.13', '127.0.0.1')),
    );
    const upload = `head -c ${MEGABYTE} /bin/busybox | tee /tmp/sent | timeout 60 socat -u - TCP4:10.45.1.13:99`;
    await far.must('(socat -u TCP4-LISTEN:99 CREATE:/tmp/upload >/dev/null 2>&1 &)');
    await m1.must(upload, { timeoutMs: 70_000 });
    const sent = await m1.must('md5sum </tmp/sent');
    await expect.poll(() => far.must('md5sum </tmp/upload'), { timeout: 20_000 }).toBe(sent);
    const unreachables = async (): Promise<number> =>
      Number(await m1.must("grep Icmp: /proc/net/snmp | tail -n 1 | cut -d' ' -f5"));
    const before = await unreachables();
    // A guest's first such datagram has DF set and is answered "fragmentation needed, 1500"; the next is fragmented.
    expect(await datagram(m1, far, '10.45.1.13', 9000)).toBe('9000');
    expect(await unreachables()).toBeGreaterThan(before);
  });

  it('carries TCP from the host, byte for byte', async () => {
    const url = `http://10.45.0.1:${web.port}/${16 * MEGABYTE}`;
    const digest = await m1.must(`timeout 60 wget -q -O - ${url} | md5sum`, { timeoutMs: 70_000 });
    expect(digest).toContain(patternDigest(16 * MEGABYTE));
  });

  it('falls to 1500 with a NIC that begins there, and says what the machines feel', async () => {
    const file = (model: string) => `project: mtu${process.pid.toString(36)}
networks:
  wide: { mode: routed, ipv4: 10.45.0.0/24, mtu: largest, host-loopback: true }
  narrow: { mode: routed, ipv4: 10.45.1.0/24 }
machines:
  m1: { nics: [{ network: wide, ipv4: 10.45.0.11 }] }
  m2: { nics: [{ network: wide, ipv4: 10.45.0.12${model} }] }
  far: { nics: [{ network: narrow, ipv4: 10.45.1.13 }] }
`;
    await stage.write(file(', model: e1000'));
    expect(await stage.must('netdev', 'm1')).not.toContain('host_mtu');
    const refused = await stage.passerelle('up');
    expect(refused.status).toBe(1);
    expect(refused.stdout + refused.stderr).toContain('re-plug');
    await stage.write(file(''));
    expect((await stage.passerelle('plan')).status).toBe(0);
  });
});
