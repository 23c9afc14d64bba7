import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';
import { HOST, OUTSIDE, ROUTER } from '../world.js';

/** Networks with subnets of their own and routers between them. */
export const routed: readonly Scenario[] = [
  {
    title: 'routes between the networks of the project, and traceroute shows the hops',
    proves: ['routed'],
    async run({ e1 }) {
      await e1.must('ping -c 2 -W 2 10.20.1.1');
      await e1.must('ping -c 2 -W 2 10.20.2.11');
      expect(await e1.must('timeout 20 wget -q -O - http://10.20.2.11:9090/name')).toBe('w1');
      const hops = await e1.must('traceroute -n -q 1 -w 3 -m 4 10.20.2.11', { timeoutMs: 40_000 });
      expect(hops).toMatch(/ 1 {2}10\.20\.1\.1 /);
      expect(hops).toMatch(/ 2 {2}10\.20\.2\.11 /);
    },
  },
  {
    title: 'routes IPv6 between the networks of the project',
    proves: ['routed', 'ipv6'],
    async run({ e1, w1 }) {
      await e1.must(
        "ping6 -c 2 -W 2 $(ip -6 route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p' | head -n 1)%eth0",
      );
      const remote = await w1.must(
        "ip -6 -o addr show eth0 scope global | sed 's/.*inet6 \\([^/]*\\).*/\\1/' | head -n 1",
      );
      await e1.must(`ping6 -c 2 -W 2 ${remote}`);
    },
  },
  {
    title: 'has machines seen and reached outside by their own addresses',
    proves: ['routedOutside'],
    async run({ world, e1 }) {
      expect(await e1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe('10.20.1.11');
      await world.must('outside', 'ping -n -c 2 -W 2 10.20.1.11');
      expect(await world.must('outside', 'curl -sSm 20 http://10.20.1.11:9090/name')).toBe('e1');
      expect(await world.must('outside', 'curl -sSm 20 http://10.20.1.11:9090/cgi-bin/who')).toContain(
        OUTSIDE,
      );
    },
  },
  {
    title: 'is seen as hops by traceroute, from inside and from outside',
    proves: ['routedOutside'],
    async run({ world, e1 }) {
      const outwards = await e1.must(`traceroute -n -q 1 -w 3 -m 5 ${OUTSIDE}`, { timeoutMs: 40_000 });
      expect(hopsOf(outwards)).toEqual(['10.20.1.1', ROUTER, OUTSIDE]);
      const inwards = await world.must('outside', 'busybox traceroute -n -q 1 -w 3 -m 5 10.20.1.11');
      expect(hopsOf(inwards)).toEqual(['203.0.113.1', HOST, '10.20.1.11']);
    },
  },
];

/** Addresses of traceroute's lines, in order. */
function hopsOf(text: string): string[] {
  return [...text.matchAll(/^ *\d+ {2}(\S+)/gm)].map((match) => match[1] ?? '');
}
