import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';

export const capture: readonly Scenario[] = [
  {
    title: 'captures what passes a NIC, in pcapng that others read',
    proves: ['capture'],
    async run({ stage, e1 }) {
      const path = join(stage.directory, 'e1.pcapng');
      const capturing = stage.start('capture', 'e1', '--output', path);
      const seen = async (): Promise<string> => {
        await e1.must('ping -c 1 -W 2 10.20.1.1');
        return (await stage.run('tshark', '-r', path, '-Y', 'icmp')).stdout;
      };
      await expect
        .poll(seen, { timeout: 30_000, interval: 500 })
        .toMatch(/10\.20\.1\.11 .*10\.20\.1\.1 .*Echo \(ping\) request/);
      capturing.kill('SIGINT');
      await capturing.ended;
      expect((await stage.run('tshark', '-r', path)).status).toBe(0);
    },
  },
];
