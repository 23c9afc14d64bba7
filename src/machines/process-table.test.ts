import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findMarked, identify, isAlive, parseStat, signalSession } from './process-table.js';
import { fuzz } from '../../test/fuzz/fuzz.js';

/** A shell that runs the script; `read` keeps it waiting without a child of its own. */
function start(script: string, options: { detached?: boolean; mark?: string; argument?: string } = {}) {
  const child = spawn('sh', ['-c', script, ...(options.argument === undefined ? [] : [options.argument])], {
    detached: options.detached ?? false,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...(options.mark === undefined ? {} : { PASSERELLE_TEST_MARK: options.mark }) },
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { pid: child.pid ?? 0, ended, child };
}

describe('parseStat', () => {
  it('finds its fields behind any command name', () => {
    const rest = 'S 1 17 18 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3';
    for (const name of ['sh', 'a b', ') S (', 'x)']) {
      expect(parseStat(`42 (${name}) ${rest}`)).toEqual({
        pid: 42,
        state: 'S',
        sessionId: 18,
        startTimeTicks: 987_654,
      });
    }
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('42 (sh) S 1')).toBeUndefined();
  });

  fuzz('never throws', [20_26], (seed) => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('(', ')', ' ', '1', 'Z', '\n', '-') }), (text) => {
        const stat = parseStat(text);
        expect(stat === undefined || Number.isInteger(stat.startTimeTicks)).toBe(true);
      }),
      { numRuns: 1000, seed },
    );
  });
});

describe('processes', () => {
  it('knows this one, and not another of the same number', async () => {
    const self = await identify(process.pid);
    expect(self?.pid).toBe(process.pid);
    expect(self && (await isAlive(self))).toBe(true);
    expect(self && (await isAlive({ ...self, startTimeTicks: self.startTimeTicks + 1 }))).toBe(false);
    expect(await identify(2 ** 22 + 1)).toBeUndefined();
  });

  it('counts a zombie as dead', async () => {
    // The shell's child ends when the shell has become `sleep`, which never waits for a child.
    const { child } = start('until grep -q sleep /proc/$$/comm; do :; done & echo $!; exec sleep 60');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const zombie = Number(line.toString());
    await expect.poll(() => readFileSync(`/proc/${zombie}/stat`, 'latin1')).toMatch(/\) Z /);
    expect(await identify(zombie)).toBeUndefined();
  });

  it('finds session leaders by a mark in their environment or arguments, and nobody else', async () => {
    const mark = `mark-${process.pid}-${performance.now()}`;
    const leader = start('read line', { detached: true, mark });
    start('read line', { mark });
    const byArgument = start('read line', { detached: true, argument: `arg-${mark}` });
    const wanted = new Set([`PASSERELLE_TEST_MARK=${mark}`, `arg-${mark}`, 'absent']);
    await expect.poll(async () => [...(await findMarked(wanted))].length).toBe(2);
    const found = await findMarked(wanted);
    expect(found.get(`PASSERELLE_TEST_MARK=${mark}`)?.pid).toBe(leader.pid);
    expect(found.get(`arg-${mark}`)?.pid).toBe(byArgument.pid);
  });

  it('signals a session with all it started, and never a stranger', async () => {
    const { pid, ended, child } = start('sleep 60 & echo $!; wait', { detached: true });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const grandchild = await identify(Number(line.toString()));
    const leader = await identify(pid);
    if (leader === undefined || grandchild === undefined) throw new Error('not started');
    expect(await signalSession({ ...leader, startTimeTicks: 1 }, 'SIGKILL')).toBe(false);
    expect(await isAlive(leader)).toBe(true);
    expect(await signalSession(leader, 'SIGKILL')).toBe(true);
    await ended;
    await expect.poll(() => isAlive(grandchild)).toBe(false);
    expect(await signalSession(leader, 'SIGKILL')).toBe(false);
  });
});
