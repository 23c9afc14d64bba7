import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Run } from '../../clients/command/run.js';
import { carryOut, emptyWork, type KernelWork } from './kernel-work.js';

const LINKS = 'link add name br0 type bridge';
const RULE = 'add table inet t';
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-work-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** What began and ended, in order; programs take a moment. */
async function happened(change: Partial<KernelWork>, refuses?: string): Promise<string[]> {
  const events: string[] = [];
  const run: Run = async ([program = '']) => {
    events.push(`${program} begins`);
    await sleep(program === refuses ? 5 : 20);
    events.push(`${program} ends`);
    return { exitCode: program === refuses ? 1 : 0, stdout: '', stderr: '' };
  };
  const work = { ...emptyWork(), linkLines: [LINKS], rulesetLines: [RULE], ...change };
  await carryOut(run, work, { directory, signal: new AbortController().signal }).catch(() =>
    events.push('refused'),
  );
  return events;
}

const SIDE_BY_SIDE = ['nft begins', 'ip begins', 'nft ends', 'ip ends'];
const ONE_BY_ONE = ['ip begins', 'ip ends', 'nft begins', 'nft ends'];

test('rules are set while devices are made, and a device is up only after both', async () => {
  expect(await happened({ finalLinkLines: ['link set dev br0 up'] })).toEqual([
    ...SIDE_BY_SIDE,
    'ip begins',
    'ip ends',
  ]);
});

test.each<[string, Partial<KernelWork>]>([
  ['a device goes down', { linkLines: ['link set dev br0 down'] }],
  ['a device is made anew', { linkLines: ['link delete dev br0', LINKS] }],
  ['rules go', { rulesetLines: ['delete element inet t s { 1 }'] }],
  ['a chain hangs on a device', { rulesetLines: ['add chain netdev t c { type filter }'] }],
])('where %s, the rules wait for the devices', async (_, change) => {
  expect(await happened(change)).toEqual(ONE_BY_ONE);
});

test('where one is refused, the other has ended before it is told', async () => {
  const events = await happened({}, 'nft');
  expect(events.at(-1)).toBe('refused');
  expect(events).toContain('ip ends');
});
