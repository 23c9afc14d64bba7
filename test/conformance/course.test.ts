/** The files of examples/course, each made real with guests: what docs/course.md says of it is so. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whySkipped } from '../lab/prerequisites.js';
import { EVERY_RUN, PROGRAMS } from './host.js';
import { Rehearsal } from './rehearsal.js';
import { HOST, OUTSIDE, ROUTER } from './world.js';

const reason = whySkipped({ root: true, programs: [...EVERY_RUN, ...Object.values(PROGRAMS).flat()] });
if (reason !== undefined) console.log(`skipped: ${reason}`);

const example = (name: string): string =>
  readFileSync(new URL(`../../examples/course/${name}.yaml`, import.meta.url), 'utf8');

describe.skipIf(reason !== undefined)('the course page', { timeout: 180_000 }, () => {
  let rehearsal: Rehearsal;
  beforeAll(async () => {
    rehearsal = await Rehearsal.open();
  }, 240_000);
  afterEach(() => rehearsal.down(), 60_000);
  afterAll(async () => {
    await rehearsal?.[Symbol.asyncDispose]();
  });

  async function up(name: string, ...values: Parameters<Rehearsal['write']>[1] & object): Promise<void> {
    await rehearsal.write(example(name), values);
    await rehearsal.stage.must('up', '--allow-disruption');
  }
  const outside = (line: string): Promise<string> => rehearsal.world.must('outside', line);

  it('public-bridge: machines are on the LAN, beside the host', async () => {
    await up('public-bridge', [['networks', 'lan', 'uplink'], 'lan1']);
    for (const name of ['web1', 'web2']) {
      const machine = await rehearsal.machine(name);
      const address = await machine.must("ip -4 -o addr show eth0 | sed 's/.*inet \\([^/]*\\).*/\\1/'");
      expect(address).toMatch(/^198\.51\.100\.1[0-2]\d$/);
      expect(await rehearsal.world.must('office', `curl -sSm 20 http://${address}:9090/name`)).toBe(name);
      await rehearsal.world.must('host', `ping -n -c 1 -W 2 ${address}`);
    }
  });

  it('private-bridge: machines see one another; nobody else does', async () => {
    await up('private-bridge');
    const [a] = [await rehearsal.machine('a'), await rehearsal.machine('b')];
    expect(await a.must('timeout 20 wget -q -O - http://10.20.30.12:9090/name')).toBe('b');
    expect((await rehearsal.world.say('host', 'ping -n -c 2 -W 1 10.20.30.11')).status).not.toBe(0);
    expect((await a.run(`ip route add default via 10.20.30.1; ping -c 2 -W 1 ${HOST}`)).status).not.toBe(0);
  });

  it('user-nat: one network for all of them, behind the host', async () => {
    await up('user-nat');
    const [a] = [await rehearsal.machine('a'), await rehearsal.machine('b')];
    expect(await a.must('timeout 20 wget -q -O - http://10.0.2.16:9090/name')).toBe('b');
    expect(await a.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
  });

  it('kernel-nat: machines share the address of the host', async () => {
    await up('kernel-nat');
    for (const name of ['a', 'b']) {
      const machine = await rehearsal.machine(name);
      expect(await machine.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
    }
    expect((await rehearsal.world.say('outside', 'ping -n -c 2 -W 1 192.168.77.11')).status).not.toBe(0);
  });

  it('router-dnat: port 90NN leads to machine NN, which sees who asks', async () => {
    await up('router-dnat');
    for (const name of ['web11', 'web12']) {
      await rehearsal.machine(name);
      const port = name.replace('web', '90');
      expect(await outside(`curl -sSm 20 http://${HOST}:${port}/name`)).toBe(name);
      expect(await outside(`curl -sSm 20 http://${HOST}:${port}/cgi-bin/who`)).toContain('203.0.113.9');
    }
  });

  it('routers: each router is a hop, from inside and from outside', async () => {
    await up('routers');
    const [e1] = [await rehearsal.machine('e1'), await rehearsal.machine('w1')];
    const hops = async (line: string) =>
      [...(await e1.must(line, { timeoutMs: 40_000 })).matchAll(/^ *\d+ {2}(\S+)/gm)].map(([, hop]) => hop);
    expect(await hops('traceroute -n -q 1 -w 3 -m 5 10.20.2.11')).toEqual(['10.20.1.1', '10.20.2.11']);
    expect(await hops(`traceroute -n -q 1 -w 3 -m 5 ${OUTSIDE}`)).toEqual(['10.20.1.1', ROUTER, OUTSIDE]);
    expect(await outside('curl -sSm 20 http://10.20.2.11:9090/name')).toBe('w1');
    expect((await rehearsal.stage.passerelle('status')).stdout).toContain('10.20.1.0/24');
  });

  it('vde: the private and the outward network on vde_switch', async () => {
    await up('vde');
    const [web1] = [await rehearsal.machine('web1'), await rehearsal.machine('db1')];
    expect(await web1.must('timeout 20 wget -q -O - http://10.30.1.11:9090/name')).toBe('db1');
    expect(await web1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
  });

  it('open-vswitch: VLANs of one segment do not hear each other', async () => {
    await up('open-vswitch');
    const [web1, blue, red] = [
      await rehearsal.machine('web1'),
      await rehearsal.machine('blue'),
      await rehearsal.machine('red'),
    ];
    expect(await outside(`curl -sSm 20 http://${HOST}:9011/name`)).toBe('web1');
    const linkLocal = await web1.must(
      "ip -6 -o addr show eth1 scope link | sed 's/.*inet6 \\([^/]*\\).*/\\1/'",
    );
    // Its own address may still be looked for elsewhere on the segment (RFC 4862, section 5.4).
    const hears = async (): Promise<number> => (await blue.run(`ping6 -c 1 -W 2 ${linkLocal}%eth0`)).status;
    await expect.poll(hears, { timeout: 30_000 }).toBe(0);
    const ownAddress = (): Promise<string> => red.must('ip -6 addr show dev eth0');
    await expect.poll(ownAddress, { timeout: 30_000 }).toMatch(/fe80::(?!.*tentative)/);
    expect((await red.run(`ping6 -c 2 -W 1 ${linkLocal}%eth0`)).status).not.toBe(0);
  });

  it('cloud: a public address for the balancer, private ones for the rest', async () => {
    await up('cloud');
    const [balancer, server1, db1] = [
      await rehearsal.machine('balancer'),
      await rehearsal.machine('server1'),
      await rehearsal.machine('db1'),
    ];
    await rehearsal.machine('server2');
    expect(await outside('curl -sSm 20 http://192.0.2.70:9090/name')).toBe('balancer');
    expect(await balancer.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe('192.0.2.70');
    const answered = await outside('for i in $(seq 24); do curl -sSm 20 http://192.0.2.80:8080/name; done');
    expect(new Set(answered.match(/server./g))).toEqual(new Set(['server1', 'server2']));
    for (const name of ['server1', 'server2']) {
      const address = name.replace('server', '10.50.0.1');
      expect(await balancer.must(`timeout 20 wget -q -O - http://${address}:9090/name`)).toBe(name);
    }
    expect(await server1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
    expect(await server1.must('timeout 20 wget -q -O - http://10.50.0.21:9090/name')).toBe('db1');
    expect((await db1.run(`timeout 3 wget -q -O - http://${OUTSIDE}/who`)).status).not.toBe(0);
    expect((await rehearsal.world.say('outside', 'ping -n -c 1 -W 1 10.50.0.21')).status).not.toBe(0);
    // The public address goes to another machine by an edit, live.
    await rehearsal.write(example('cloud').replace(', public-ipv4: 192.0.2.70', ''), [
      [['machines', 'server1', 'nics', 0, 'public-ipv4'], '192.0.2.70'],
    ]);
    await rehearsal.stage.must('up');
    expect(await outside('curl -sSm 20 http://192.0.2.70:9090/name')).toBe('server1');
    expect(await server1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe('192.0.2.70');
    expect(await balancer.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
  });
});
