import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Run } from '../command/run.js';
import { batchError, runBatch } from './batch.js';

const signal = new AbortController().signal;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-batch-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('names the line that was refused, and why', () => {
  const lines = ['link add name br0 type bridge', 'link add name br0 type bridge'];
  const error = batchError(lines, 'RTNETLINK answers: File exists\nCommand failed /run/x/batch-7.ip:2\n');
  expect(error.problems[0]).toMatchObject({
    code: 'iproute/refused',
    message: 'the kernel refused `ip link add name br0 type bridge`: File exists',
  });
  expect(
    batchError(lines, 'RTNETLINK answers: Operation not permitted\nCommand failed -:1').problems[0]?.fix,
  ).toContain('root');
  const taken = batchError(
    ['fdb del x'],
    'RTNETLINK answers: Address already in use\nCommand failed -:1',
    'bridge',
  );
  expect(taken.message).toContain('`bridge fdb del x`');
  expect(taken.problems[0]?.fix).toContain('UDP port');
  expect(batchError(lines, '').message).toContain('no reason given');
});

it('leaves no file behind, whether it went well or not', async () => {
  const seen: (readonly string[])[] = [];
  const run =
    (exitCode: number): Run =>
    (argv) => {
      seen.push(argv);
      return Promise.resolve({ exitCode, stdout: '', stderr: 'Command failed x:1' });
    };
  await runBatch(run(0), ['link show'], { directory, signal });
  await expect(runBatch(run(1), ['link show'], { directory, signal })).rejects.toThrow('link show');
  await runBatch(run(1), ['link show'], { directory, signal, force: true });
  await runBatch(run(1), [], { directory, signal });
  expect(seen).toHaveLength(3);
  expect(seen[2]).toContain('-force');
  expect(await readdir(directory)).toEqual([]);
});
