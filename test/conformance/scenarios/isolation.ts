import { expect } from 'vitest';
import type { Campus } from '../campus.js';
import type { Scenario } from '../scenario.js';
import { HOST, OUTSIDE } from '../world.js';

const LINK_LOCAL = "ip -6 -o addr show eth0 scope link | sed 's/.*inet6 \\([^/]*\\).*/\\1/'";

/** An isolated network passes everything between its machines and nothing else, tried with every trick a machine has. */
export const isolation: readonly Scenario[] = [
  {
    title: 'lets machines of the isolated network talk, byte for byte',
    proves: ['isolated'],
    async run({ web1, db1 }) {
      await db1.must('ping -c 2 -W 2 10.10.20.11');
      expect(await web1.must('timeout 20 wget -q -O - http://10.10.20.12:9090/name')).toBe('db1');
      const digest = await web1.must(
        'timeout 60 wget -q -O - "http://10.10.20.12/cgi-bin/big?4194304" | md5sum',
        { timeoutMs: 90_000 },
      );
      expect(digest).toBe(await db1.must('/www/cgi-bin/big 2>/dev/null | sed "1,/^\\r$/d" | md5sum'));
    },
  },
  {
    title: 'keeps the host, the world and the other networks out of reach of the isolated one',
    proves: ['isolated'],
    async run({ db1 }) {
      const gateway = await db1.must("sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1");
      await db1.must(`ip route add default via ${gateway}`);
      try {
        // Beside the addresses there are: the host's on every one of its sides.
        const targets = [HOST, '198.51.100.2', '10.10.10.1', '10.10.10.11', '10.20.1.11', OUTSIDE];
        const lines = [
          ...targets.map((target) => `ping -c 2 -W 1 ${target}`),
          ...[`${gateway}:80`, `${HOST}:9011/name`, `${OUTSIDE}/who`, '10.10.10.11:9090/name'].map(
            (url) => `timeout 3 wget -q -O - http://${url}`,
          ),
        ];
        const tried = await Promise.all(
          lines.map(async (line) => ({ line, passed: await passes(db1, line) })),
        );
        expect(tried.filter(({ passed }) => passed)).toEqual([]);
      } finally {
        await db1.must(`ip route del default via ${gateway}`);
      }
    },
  },
  {
    title: 'has nothing but its machines and their server on its link, by IPv6 link-local too',
    proves: ['isolated'],
    async run(campus) {
      const { db1, web1, world } = campus;
      const web1Address = await web1.must(LINK_LOCAL.replace('eth0', 'eth1'));
      const heard = await db1.must(
        'ping6 -c 3 -W 2 ff02::1%eth0 | sed -n "s/.*from \\([0-9a-f:]*\\): .*/\\1/p"',
      );
      expect(heard).toContain(web1Address);
      const ofHost = await world.must(
        'host',
        "ip -6 -o addr show scope link | sed 's/.*inet6 \\([^/]*\\).*/\\1/'",
      );
      const addresses = ofHost.split('\n').filter((address) => address !== '');
      expect(addresses.filter((address) => heard.split('\n').includes(address))).toEqual([]);
      const pings = addresses.map((address) => passes(db1, `ping6 -c 1 -W 2 ${address}%eth0`));
      expect((await Promise.all(pings)).includes(true)).toBe(false);
    },
  },
  {
    title: 'is out of the reach of the host, whatever routes and neighbours it is told of',
    proves: ['isolated'],
    async run(campus) {
      const { world } = campus;
      const [mac, linkLocal] = await Promise.all([
        campus.db1.must('cat /sys/class/net/eth0/address'),
        campus.db1.must(LINK_LOCAL),
      ]);
      const listed = await world.must('host', "ip -o link show up | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/'");
      const devices = listed.split('\n').filter((device) => device !== 'lo');
      const attempts = devices.map(async (device, index) => {
        // A table of its own for each device, so that all of them are tried at once.
        const table = 900 + index;
        const told = [
          `ip route add 10.10.20.12/32 dev ${device} table ${table}`,
          `ip rule add oif ${device} lookup ${table}`,
          `ip neigh replace 10.10.20.12 lladdr ${mac} dev ${device}`,
        ];
        await world.say('host', told.join(' && '));
        const [byIpv4, byLinkLocal] = await Promise.all([
          world.say('host', `ping -n -c 2 -i 0.3 -W 1 -I ${device} 10.10.20.12`),
          world.say('host', `ping -6 -n -c 2 -i 0.3 -W 1 ${linkLocal}%${device}`),
        ]);
        const forgotten = [
          `ip neigh del 10.10.20.12 dev ${device}`,
          `ip rule del oif ${device} lookup ${table}`,
          `ip route flush table ${table}`,
        ];
        await world.say('host', forgotten.join('; '));
        return { device, byIpv4: byIpv4.status === 0, byLinkLocal: byLinkLocal.status === 0 };
      });
      const tried = await Promise.all(attempts);
      expect(tried.filter(({ byIpv4, byLinkLocal }) => byIpv4 || byLinkLocal)).toEqual([]);
    },
  },
];

async function passes(machine: Campus['db1'], line: string): Promise<boolean> {
  return (await machine.run(line)).status === 0;
}
