import { expect } from 'vitest';
import type { PacketFate } from '../../../src/engines/contract.js';
import type { Scenario } from '../scenario.js';

export const trace: readonly Scenario[] = [
  {
    title: 'tells which packets of a machine end, and why',
    proves: ['trace'],
    async run({ stage, e1 }) {
      const tracing = stage.start('trace', 'e1', '--all', '--format', 'json');
      const told = (): PacketFate[] =>
        tracing
          .stdout()
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as PacketFate);
      // Whatever is told, so that it is known to be followed by now.
      await expect
        .poll(async () => (await e1.must('ping -c 1 -W 2 10.20.1.1'), told().length), { timeout: 30_000 })
        .toBeGreaterThan(0);
      // The switch and the gateway tell on their own, one maybe before the other.
      await e1.must('ip addr add 10.20.1.77/24 dev eth0');
      try {
        await expect
          .poll(async () => (await e1.run('ping -c 1 -W 1 -I 10.20.1.77 10.20.1.1'), told()), {
            timeout: 20_000,
          })
          .toContainEqual(expect.objectContaining({ outcome: 'dropped', isOurs: true }));
      } finally {
        await e1.must('ip addr del 10.20.1.77/24 dev eth0');
      }
      const dropped = told().filter(({ outcome }) => outcome === 'dropped');
      for (const { reason } of dropped) expect(reason).toMatch(/not the NIC's own/);
      await e1.must('ping -c 1 -W 2 10.20.2.11');
      await expect.poll(told, { timeout: 10_000 }).toContainEqual(
        expect.objectContaining({
          outcome: 'passed',
          packet: { source: '10.20.1.11', target: '10.20.2.11', protocol: 'icmp', detail: 'echo-request' },
        }),
      );
      // However it ends, what it followed packets with ends too.
      const followers = (await stage.run('pgrep', '-P', String(tracing.pid))).stdout.trim().split(/\s+/u);
      tracing.kill('SIGKILL');
      await tracing.ended;
      await expect
        .poll(async () => (await stage.run('nft', 'list', 'tables')).stdout, { timeout: 5000 })
        .not.toContain('.trace');
      await expect
        .poll(async () => (await stage.run('ps', '-o', 'pid=,args=', '-p', followers.join(','))).stdout, {
          timeout: 5000,
        })
        .toBe('');
    },
  },
];
