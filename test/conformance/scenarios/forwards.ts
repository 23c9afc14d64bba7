import { expect } from 'vitest';
import { GATEWAY_SHOWN_PORT, HTTP_PORT } from '../campus.js';
import type { Scenario } from '../scenario.js';
import { HOST, OUTSIDE, type Place, type World } from '../world.js';

/** Ports of the host that lead to web1. */
export const forwards: readonly Scenario[] = [
  {
    title: 'leads from outside and from the host itself to a machine',
    proves: ['forwards'],
    async run({ world }) {
      expect(await nameAt(world, 'outside', HTTP_PORT)).toBe('web1');
      expect(await nameAt(world, 'host', HTTP_PORT)).toBe('web1');
      expect(await nameAt(world, 'host', HTTP_PORT, '127.0.0.1')).toBe('web1');
    },
  },
  {
    title: "shows the machine the client's own address, or the gateway's where the file says so",
    proves: ['forwards'],
    async run({ world, web1 }) {
      const seenBy = (port: number): Promise<string> =>
        world.must('outside', `curl -sSm 20 http://${HOST}:${port}/cgi-bin/who`).then(withoutMapping);
      expect(await seenBy(HTTP_PORT)).toBe(OUTSIDE);
      expect(await seenBy(GATEWAY_SHOWN_PORT)).toBe('10.10.10.1');
      // The same by UDP.
      await web1.must(
        "(socat UDP4-RECVFROM:7,fork SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 & echo $! >/tmp/echo)",
      );
      for (const [port, shown] of [
        [9007, OUTSIDE],
        [GATEWAY_SHOWN_PORT, '10.10.10.1'],
      ] as const) {
        const ask = `printf who | socat -t 2 - UDP4:${HOST}:${port}`;
        const answer = async () => (await world.say('outside', ask)).stdout.trim();
        await expect.poll(answer, { timeout: 20_000 }).toBe(shown);
      }
      await web1.must('kill $(cat /tmp/echo)');
    },
  },
  {
    title: 'takes a machine back to its own forward (hairpin)',
    proves: ['forwards', 'nat'],
    async run({ web1 }) {
      const line = `timeout 20 wget -q -O - http://${HOST}:${HTTP_PORT}/name`;
      expect(await web1.must(line)).toBe('web1');
    },
  },
  {
    title: 'carries UDP from outside to a machine and back',
    proves: ['forwards'],
    async run({ world, web1 }) {
      await web1.must('(socat UDP4-RECVFROM:7,fork EXEC:cat >/dev/null 2>&1 &)');
      // The first may come before socat listens.
      const ask = `printf 'through the forward' | socat -t 2 - UDP4:${HOST}:9007`;
      await expect
        .poll(async () => (await world.say('outside', ask)).stdout, { timeout: 20_000 })
        .toBe('through the forward');
    },
  },
  {
    title: 'leads a range to one port, and a range in step',
    proves: ['forwards'],
    async run({ world, web1 }) {
      for (const port of [9021, 9025, 9029]) expect(await nameAt(world, 'outside', port)).toBe('web1');
      await web1.must('mkdir -p /tmp/step && echo in-step >/tmp/step/name && httpd -p 9122 -h /tmp/step');
      expect(await nameAt(world, 'outside', 9122)).toBe('in-step');
      expect((await world.say('outside', `curl -sm 3 http://${HOST}:9030/name`)).status).not.toBe(0);
    },
  },
  {
    title: 'moves live',
    proves: ['forwards'],
    async run(campus) {
      const { world } = campus;
      await campus.up({ httpPort: 9012 });
      expect(await nameAt(world, 'outside', 9012)).toBe('web1');
      const before = await world.say('outside', `curl -sm 3 http://${HOST}:${HTTP_PORT}/name`);
      expect(before.status).not.toBe(0);
      await campus.up();
      expect(await nameAt(world, 'outside', HTTP_PORT)).toBe('web1');
    },
  },
];

/** `::ffff:192.0.2.1` is 192.0.2.1 to a server that listens on both families. */
function withoutMapping(address: string): string {
  return address.replace(/^\[?::ffff:([\d.]+)\]?$/, '$1');
}

/** What answers at a port of the host. */
export function nameAt(world: World, from: Place, port: number, address = HOST): Promise<string> {
  return world.must(from, `curl -sSm 20 http://${address}:${port}/name`);
}
