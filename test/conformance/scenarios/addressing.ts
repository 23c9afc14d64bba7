import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';

/** Machines get the addresses that the file and the topology promise, and `status` and `leases` say the same. */
export const addressing: readonly Scenario[] = [
  {
    title: 'leases the addresses of the file',
    proves: ['dhcp'],
    async run({ web1, db1, e1, stage }) {
      expect(await web1.must('ip -4 -o addr show eth0')).toContain('10.10.10.11/24');
      expect(await web1.must('ip -4 -o addr show eth1')).toContain('10.10.20.11/24');
      expect(await db1.must('ip -4 -o addr show eth0')).toContain('10.10.20.12/24');
      expect(await e1.must('ip -4 -o addr show eth0')).toContain('10.20.1.11/24');
      const leases = await stage.json<{ address: string; machine: string }[]>('leases');
      expect(leases).toContainEqual(expect.objectContaining({ address: '10.10.10.11', machine: 'web1' }));
      expect(leases).toContainEqual(expect.objectContaining({ address: '10.10.20.12', machine: 'db1' }));
    },
  },
  {
    title: 'gives a default route on nat and routed networks, none on an isolated one',
    proves: ['dhcp', 'nat', 'routed', 'isolated'],
    async run({ web1, db1, e1 }) {
      expect(await web1.must('ip route')).toMatch(/default via 10\.10\.10\.1 dev eth0/);
      expect(await e1.must('ip route')).toMatch(/default via 10\.20\.1\.1 dev eth0/);
      expect(await db1.must('ip route')).not.toContain('default');
    },
  },
  {
    title: 'has machines form the IPv6 address that the topology says',
    proves: ['ipv6'],
    async run({ stage, e1 }) {
      const { machines } = await stage.json<{ machines: { name: string; nics: { ipv6: string }[] }[] }>(
        'validate',
      );
      const promised = machines.find((machine) => machine.name === 'e1')?.nics[0]?.ipv6;
      expect(promised).toBeDefined();
      await expect
        .poll(() => e1.must('ip -6 -o addr show eth0 scope global'), { timeout: 15_000 })
        .toContain(promised);
    },
  },
  {
    title: 'shows every link up and frames passing',
    proves: ['nat', 'routed', 'isolated'],
    async run({ stage }) {
      interface Status {
        engines: { ports: { nic: string; connected: boolean; rxFrames: number }[] }[];
      }
      const ports = async () =>
        (await stage.json<Status>('status')).engines.flatMap((engine) => engine.ports);
      const campus = ['db1/0', 'e1/0', 'w1/0', 'web1/0', 'web1/1'];
      expect((await ports()).map((port) => port.nic)).toEqual(expect.arrayContaining(campus));
      // Some switches count every few seconds only.
      await expect
        .poll(async () => (await ports()).filter((port) => !port.connected || port.rxFrames === 0), {
          timeout: 20_000,
          interval: 500,
        })
        .toEqual([]);
    },
  },
];
