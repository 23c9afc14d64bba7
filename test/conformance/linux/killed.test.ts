import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { FIRST, SECOND } from './killed-topologies.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const LOADER = new URL('../../lab/typescript-loader.mjs', import.meta.url).pathname;
const CHILD = new URL('killed-child.ts', import.meta.url).pathname;
/** More commands than any of the ways takes. */
const COMMAND_LIMIT = 40;

describe.skipIf(reason !== undefined)('killed at any step', { timeout: 600_000 }, () => {
  let lab: NamespaceLab;
  let engine: Engine;
  let before: string;

  beforeAll(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    before = lab.dump();
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  /** True when it was killed, false when it came to its end before that command. */
  function killedAt(
    goal: 'first' | 'second' | 'nothing',
    command: number,
    moment: 'half' | 'after',
  ): boolean {
    const words = [lab.host, lab.places.runDir, lab.places.stateDir, goal, String(command), moment];
    const { signal, status, stderr } = spawnSync(process.execPath, ['--import', LOADER, CHILD, ...words], {
      encoding: 'utf8',
      env: { ...process.env, PSL_LAB_PROJECT: PROJECT },
    });
    if (signal !== 'SIGKILL' && status !== 0) throw new Error(stderr);
    return signal === 'SIGKILL';
  }

  for (const moment of ['half', 'after'] as const) {
    it(`makes the networks all the same, killed ${moment} of each ${moment === 'half' ? 'batch' : 'command'}`, async () => {
      let command = 1;
      while (command < COMMAND_LIMIT && killedAt('first', command, moment)) {
        // Alternately carried on and given up.
        if (command % 2 === 0) {
          await converge(engine, FIRST);
          expect((await planFor(engine, FIRST)).steps).toEqual([]);
          expect(lab.pings(machine('web1'), '203.0.113.9')).toBe(true);
        }
        await converge(engine, undefined);
        expect(lab.dump(), `after command ${command}`).toBe(before);
        command += 1;
      }
      expect(command).toBeGreaterThan(moment === 'half' ? 4 : 8);
    });

    it(`changes and removes them all the same, killed ${moment} of each ${moment === 'half' ? 'batch' : 'command'}`, async () => {
      let command = 1;
      await converge(engine, FIRST);
      while (command < COMMAND_LIMIT && killedAt('second', command, moment)) {
        await converge(engine, SECOND);
        expect((await planFor(engine, SECOND)).steps).toEqual([]);
        await converge(engine, FIRST);
        expect((await planFor(engine, FIRST)).steps).toEqual([]);
        command += 1;
      }
      expect(command).toBeGreaterThan(moment === 'half' ? 3 : 5);
      let removal = 1;
      while (removal < COMMAND_LIMIT && killedAt('nothing', removal, moment)) {
        await converge(engine, undefined);
        expect(lab.dump(), `after removal ${removal}`).toBe(before);
        await converge(engine, FIRST);
        removal += 1;
      }
      expect(removal).toBeGreaterThan(moment === 'half' ? 2 : 3);
      await converge(engine, undefined);
      expect(lab.dump()).toBe(before);
    });
  }
});
