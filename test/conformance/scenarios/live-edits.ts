import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';
import { OUTSIDE } from '../world.js';
import { HTTP_PORT } from '../campus.js';
import { nameAt } from './forwards.js';

/** An edited file changes what differs and nothing else: a transfer runs through every edit. */
export const liveEdits: readonly Scenario[] = [
  {
    title: 'changes nothing the second time',
    proves: ['nat', 'routed', 'isolated'],
    async run({ stage }) {
      expect((await stage.passerelle('plan')).stdout).toContain('nothing to do');
      expect(await stage.must('up')).toContain('nothing to do');
    },
  },
  {
    title: 'adds and removes machines, forwards and networks under a running transfer',
    proves: ['nat', 'forwards', 'isolated'],
    async run(campus) {
      const { web1, world } = campus;
      const transfer = web1.must(`timeout 90 wget -q -O - http://${OUTSIDE}/slow/15`, { timeoutMs: 100_000 });
      const edits = [
        { machines: '  guest9: { nics: [{ network: web }] }' },
        { machines: '  guest9: { nics: [{ network: web, forwards: ["9099:80"] }] }' },
        {
          networks: '  lab: { mode: nat }',
          machines: '  lab1: { nics: [{ network: lab }, { network: back }] }',
        },
        {},
      ];
      for (const edit of edits) {
        await campus.up(edit);
        expect(await nameAt(world, 'outside', HTTP_PORT)).toBe('web1');
      }
      expect(await transfer).toContain('complete');
    },
  },
  {
    title: 'asks before it interrupts',
    proves: ['routed'],
    async run(campus) {
      await campus.edit({ e1: 'mac: "52:54:00:aa:bb:cc"' });
      const { status, stderr } = await campus.stage.passerelle('up');
      expect(status).toBe(1);
      expect(stderr).toContain('--allow-disruption');
      await campus.edit({});
      expect((await campus.stage.passerelle('plan')).status).toBe(0);
    },
  },
  {
    title: 'refuses a file that is wrong, with the place, and touches nothing',
    proves: ['nat'],
    async run(campus) {
      await campus.edit({ machines: '  guest9: { nics: [{ network: wbe }] }' });
      const { status, stderr } = await campus.stage.passerelle('up');
      expect(status).toBe(2);
      expect(stderr).toMatch(/passerelle\.yaml:\d+:\d+: error: /);
      await campus.edit({});
      expect((await campus.stage.passerelle('plan')).status).toBe(0);
    },
  },
];
