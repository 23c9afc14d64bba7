import { expect } from 'vitest';
import { HTTP_PORT } from '../campus.js';
import type { Scenario } from '../scenario.js';
import { HOST, OUTSIDE, OUTSIDE_IPV6 } from '../world.js';
import { nameAt } from './forwards.js';

/** Of the LAN that the host leaves by, and nobody's there. */
const PUBLIC = '192.0.2.70';
const PUBLIC_IPV6 = '2001:db8:2::70';
const SERVICE = '192.0.2.80';

const GIVEN = { web1: [`public-ipv4: ${PUBLIC}`, `public-ipv6: "${PUBLIC_IPV6}"`] };

/** Addresses of the outside that are a machine's. */
export const publicAddresses: readonly Scenario[] = [
  {
    title: 'gives a running machine a public address, which it has both ways by TCP, UDP and ping',
    proves: ['publicAddresses', 'nat', 'ipv6'],
    async run(campus) {
      const { world, web1 } = campus;
      await campus.up(GIVEN);
      const http = (address: string, path: string): Promise<string> =>
        world.must('outside', `curl -gsSm 20 http://${address}:9090/${path}`);
      for (const [address, client] of [
        [PUBLIC, OUTSIDE],
        [`[${PUBLIC_IPV6}]`, OUTSIDE_IPV6],
      ] as const) {
        expect(await http(address, 'name')).toBe('web1');
        expect(await http(address, 'cgi-bin/who')).toContain(client);
        await world.must('outside', `ping -n -c 2 -W 2 ${address.replaceAll(/[[\]]/g, '')}`);
      }
      await web1.must(
        "(socat UDP4-RECVFROM:17,fork SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 & echo $! >/tmp/public)",
      );
      const ask = `printf who | socat -t 2 - UDP4:${PUBLIC}:17`;
      const answer = async () => (await world.say('outside', ask)).stdout.trim();
      await expect.poll(answer, { timeout: 20_000 }).toBe(OUTSIDE);
      await web1.must('kill $(cat /tmp/public)');
      expect(await web1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(PUBLIC);
      expect(await web1.must(`timeout 20 wget -q -O - "http://[${OUTSIDE_IPV6}]/who"`)).toBe(PUBLIC_IPV6);
    },
  },
  {
    title: 'reaches it from the host, from another network and from the machine itself',
    proves: ['publicAddresses', 'routed'],
    async run({ world, web1, e1 }) {
      const ask = `timeout 20 wget -q -O - http://${PUBLIC}:9090/name`;
      expect(await nameAt(world, 'host', 9090, PUBLIC)).toBe('web1');
      expect(await e1.must(ask)).toBe('web1');
      expect(await web1.must(ask)).toBe('web1');
    },
  },
  {
    title: 'does not lead to the host, nor lend the address to another machine',
    proves: ['publicAddresses', 'antiSpoofing'],
    async run({ world, e1 }) {
      const server = 'socat TCP4-LISTEN:7799,fork,reuseaddr EXEC:"echo the host" >/dev/null 2>&1 & echo $!';
      const pid = await world.must('host', server);
      const ask = (address: string): string => `socat -u TCP4:${address}:7799,connect-timeout=3 -`;
      await expect
        .poll(async () => (await world.say('outside', ask(HOST))).stdout.trim(), { timeout: 10_000 })
        .toBe('the host');
      expect((await world.say('outside', ask(PUBLIC))).stdout).toBe('');
      await world.must('host', `kill ${pid}`);
      await e1.must(`ip address add ${PUBLIC}/32 dev eth0`);
      expect((await e1.run(`ping -c 2 -W 2 -I ${PUBLIC} ${OUTSIDE}`)).status).not.toBe(0);
      await e1.must(`ip address del ${PUBLIC}/32 dev eth0`);
    },
  },
  {
    title: 'takes it away under a running transfer of another machine, and the machine is the host again',
    proves: ['publicAddresses', 'routedOutside'],
    async run(campus) {
      const { world, web1, e1 } = campus;
      const transfer = e1.must(`timeout 60 wget -q -O - http://${OUTSIDE}/slow/10`, { timeoutMs: 70_000 });
      await campus.up();
      expect((await world.say('outside', `curl -sm 3 http://${PUBLIC}:9090/name`)).status).not.toBe(0);
      expect(await web1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
      await campus.up(GIVEN);
      expect(await web1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(PUBLIC);
      await campus.up();
      expect(await transfer).toContain('complete');
    },
  },
  {
    title: 'has forwards listen on an address that is no host’s and no machine’s',
    proves: ['publicAddresses', 'forwards'],
    async run(campus) {
      const { world } = campus;
      const web = `service-addresses: [${SERVICE}]`;
      await campus.up({ web });
      // What listens on every address listens on this one too.
      expect(await nameAt(world, 'outside', HTTP_PORT, SERVICE)).toBe('web1');
      await campus.up({ web, forward: `${SERVICE}:8080:9090` });
      expect(await nameAt(world, 'outside', 8080, SERVICE)).toBe('web1');
      expect(await nameAt(world, 'host', 8080, SERVICE)).toBe('web1');
      expect((await world.say('outside', `curl -sm 5 http://${SERVICE}:22/`)).status).not.toBe(0);
      await campus.up();
    },
  },
];
