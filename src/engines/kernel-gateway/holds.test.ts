import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Run } from '../../clients/command/run.js';
import { HoldRegister } from './holds.js';

const signal = new AbortController().signal;
let directory: string;
let kernel: Map<string, string>;

/** A kernel whose settings are in a map, as sysctl speaks to it. */
const run: Run = (argv, { input = '' }) => {
  for (const line of input.split('\n').filter(Boolean)) {
    const [name = '', value = ''] = line.split(' = ');
    kernel.set(name, value);
  }
  const asked = argv.slice(2).filter((name) => kernel.has(name));
  return Promise.resolve({
    exitCode: 0,
    stderr: '',
    stdout: asked.map((name) => `${name} = ${kernel.get(name)}\n`).join(''),
  });
};
const register = (holder: string): HoldRegister => new HoldRegister(join(directory, 'holds'), holder, run);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-holds-'));
  kernel = new Map([
    ['net.x', '0'],
    ['net.y', '1'],
  ]);
});
afterEach(() => rm(directory, { recursive: true }));

it('puts back what it found when the last one leaves', async () => {
  const [shop, blog] = [register('shop.linux'), register('blog.ovs')];
  await shop.hold([{ setting: 'net.x', value: '1' }], signal);
  await blog.hold([{ setting: 'net.x', value: '1' }], signal);
  expect(kernel.get('net.x')).toBe('1');
  await shop.release(['net.x'], signal);
  expect(kernel.get('net.x')).toBe('1');
  expect(await shop.held()).toEqual([]);
  expect(await blog.held()).toEqual([{ setting: 'net.x', value: '1' }]);
  await blog.release(['net.x'], signal);
  expect(kernel.get('net.x')).toBe('0');
  expect(await readdir(directory)).toEqual([]);
});

it('leaves what was so already as it was, and what the kernel does not know alone', async () => {
  const shop = register('shop.linux');
  await shop.hold(
    [
      { setting: 'net.y', value: '1' },
      { setting: 'net.unknown', value: '1' },
    ],
    signal,
  );
  expect(await shop.held()).toEqual([{ setting: 'net.y', value: '1' }]);
  await shop.release(['net.y'], signal);
  expect(Object.fromEntries(kernel)).toEqual({ 'net.x': '0', 'net.y': '1' });
});

it('writes nothing for a device that is gone', async () => {
  const shop = register('shop.linux');
  await shop.hold([{ setting: 'net.x', value: '1' }], signal);
  kernel.delete('net.x');
  await shop.release(['net.x'], signal);
  expect(kernel.has('net.x')).toBe(false);
  expect(await shop.held()).toEqual([]);
});
