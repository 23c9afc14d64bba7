import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.js';

let runDir: string;
beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'psl-lock-'));
});
afterEach(async () => {
  await rm(runDir, { recursive: true, force: true });
});

const request = (waitMs: number): { runDir: string; verb: string; waitMs: number; signal: AbortSignal } => ({
  runDir,
  verb: 'up',
  waitMs,
  signal: new AbortController().signal,
});

describe('withLock', () => {
  it('lets one in at a time', async () => {
    let inside = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 4 }, () => withLock(request(10_000), task)));
    expect(most).toBe(1);
    expect(existsSync(join(runDir, 'lock'))).toBe(false);
  });

  it('says who holds it', async () => {
    await withLock(request(0), async () => {
      await expect(withLock(request(0), async () => undefined)).rejects.toThrow(
        new RegExp(`passerelle up.*pid ${process.pid}`),
      );
    });
  });

  it.each([
    ['a dead holder', JSON.stringify({ pid: 2 ** 22 + 1, startTicks: '5', verb: 'up' })],
    ['a pid that another process has now', JSON.stringify({ pid: process.pid, startTicks: '1', verb: 'up' })],
    ['a damaged file', 'garbage'],
  ])('takes over from %s', async (_, content) => {
    await writeFile(join(runDir, 'lock'), content);
    expect(await withLock(request(0), async () => 'done')).toBe('done');
  });
});
