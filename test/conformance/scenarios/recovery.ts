import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { processStartTicks } from '../../../src/plan/process-identity.js';
import { HTTP_PORT } from '../campus.js';
import type { Scenario } from '../scenario.js';
import { HOST, OUTSIDE } from '../world.js';

export const recovery: readonly Scenario[] = [
  {
    title:
      'gives running machines their network back after a kill -9 of every process of the network, under traffic',
    proves: ['nat', 'routed', 'isolated', 'forwards'],
    async run(campus) {
      const { stage, world, web1, db1, e1 } = campus;
      const transfer = web1.run(`timeout 30 wget -q -O - http://${OUTSIDE}/slow/10`, { timeoutMs: 45_000 });
      const pids = await campus.processes();
      expect(pids.length).toBeGreaterThan(0);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      for (const pid of pids) while ((await processStartTicks(pid)) !== undefined) await delay(20);
      expect((await stage.passerelle('plan')).status).toBe(3);
      await stage.must('up', '--allow-disruption');
      expect((await stage.passerelle('plan')).status).toBe(0);

      const ask = `curl -sm 3 http://${HOST}:${HTTP_PORT}/name`;
      await expect
        .poll(async () => (await world.say('outside', ask)).stdout, { timeout: 30_000 })
        .toBe('web1\n');
      await expect
        .poll(async () => (await e1.run('ping -c 1 -W 2 10.20.2.11')).status, { timeout: 20_000 })
        .toBe(0);
      await expect
        .poll(async () => (await db1.run('ping -c 1 -W 2 10.10.20.11')).status, { timeout: 20_000 })
        .toBe(0);
      // The connection of before goes on or is reset; it is not left to hang, which `timeout` would end with 143.
      expect([0, 1]).toContain((await transfer).status);
      await expect
        .poll(async () => (await stage.json<{ address: string }[]>('leases')).map(({ address }) => address), {
          timeout: 20_000,
        })
        .toContain('10.10.10.11');
    },
  },
];
