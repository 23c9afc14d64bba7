import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';
import { OFFICE } from '../world.js';

/** A machine on the LAN itself, seen there as a physical server. */
export const bridge: readonly Scenario[] = [
  {
    title: 'puts a machine on the LAN, which gives it an address itself',
    proves: ['bridge'],
    async run({ w1, world, stage }) {
      const address = await w1.must("ip -4 -o addr show eth1 | sed 's/.*inet \\([^/]*\\).*/\\1/'");
      expect(address).toMatch(/^198\.51\.100\.1[0-2]\d$/);
      await world.must('office', `ping -n -c 2 -W 2 ${address}`);
      expect(await world.must('office', `curl -sSm 20 http://${address}:9090/name`)).toBe('w1');
      await w1.must(`ping -c 2 -W 2 ${OFFICE}`);
      // The LAN sees the machine's own MAC.
      const { machines } = await stage.json<{ machines: { name: string; nics: { mac: string }[] }[] }>(
        'validate',
      );
      const mac = machines.find(({ name }) => name === 'w1')?.nics[1]?.mac;
      expect(await world.must('office', `ip neigh show ${address}`)).toContain(mac);
    },
  },
  {
    title: 'leaves the host where it was on the LAN, beside the machine',
    proves: ['bridge'],
    async run({ w1, world }) {
      const address = await w1.must("ip -4 -o addr show eth1 | sed 's/.*inet \\([^/]*\\).*/\\1/'");
      await world.must('office', 'ping -n -c 2 -W 2 198.51.100.2');
      await world.must('host', `ping -n -c 2 -W 2 ${OFFICE}`);
      await world.must('host', `ping -n -c 2 -W 2 ${address}`);
    },
  },
  {
    title: 'carries 4 MB from the LAN, byte for byte',
    proves: ['bridge'],
    async run({ w1, world }) {
      const address = await w1.must("ip -4 -o addr show eth1 | sed 's/.*inet \\([^/]*\\).*/\\1/'");
      const url = `http://${address}:9090/cgi-bin/big?4194304`;
      expect(await world.must('office', `curl -sSm 60 '${url}' | md5sum`)).toContain(
        (await w1.must('/www/cgi-bin/big 2>/dev/null | sed "1,/^\\r$/d" | md5sum')).slice(0, 32),
      );
    },
  },
];
