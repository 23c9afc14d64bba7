import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processStartTicks } from '../../plan/process-identity.js';
import { findDaemon, isDaemonWorking, stopDaemon } from './daemon.js';

let directory: string;
let pidFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'psl-vde-'));
  pidFile = join(directory, 'pid');
});
afterEach(async () => {
  await stopDaemon(pidFile);
  rmSync(directory, { recursive: true });
});

/** Writes its own pid file and names it among its arguments, as vde_switch and vde_plug do. */
async function start(script = 'sleep 60 & wait'): Promise<number> {
  const words = ['-c', `echo $$ >"$0"; ${script}`, pidFile];
  const child = spawn('sh', words, { detached: true, stdio: 'ignore' });
  child.unref();
  await expect.poll(() => findDaemon(pidFile)).toBe(child.pid);
  return child.pid ?? 0;
}

describe('daemons', () => {
  it('are found by their pid file and stopped with their children', async () => {
    const pid = await start();
    expect(isDaemonWorking(pidFile)).toBe(true);
    await stopDaemon(pidFile);
    expect(await processStartTicks(pid)).toBeUndefined();
    expect(existsSync(pidFile)).toBe(false);
    await stopDaemon(pidFile);
  });

  it('are killed when they do not listen', async () => {
    const pid = await start("trap '' TERM; while :; do sleep 1; done");
    await stopDaemon(pidFile);
    expect(await processStartTicks(pid)).toBeUndefined();
  }, 10_000);

  it('are stopped when they are suspended, and do not count as working', async () => {
    const pid = await start();
    process.kill(pid, 'SIGSTOP');
    await expect.poll(() => isDaemonWorking(pidFile)).toBe(false);
    await stopDaemon(pidFile);
    expect(await processStartTicks(pid)).toBeUndefined();
  });

  it('are not taken for another process that has their pid now', async () => {
    writeFileSync(pidFile, `${process.pid}\n`);
    expect(await findDaemon(pidFile)).toBeUndefined();
    expect(isDaemonWorking(pidFile)).toBe(false);
    await stopDaemon(pidFile);
  });

  it.each(['', 'x', '-1', '99999999999', '0x10'])(
    'are not found by a pid file that says %j',
    async (text) => {
      writeFileSync(pidFile, text);
      expect(await findDaemon(pidFile)).toBeUndefined();
      expect(isDaemonWorking(pidFile)).toBe(false);
    },
  );
});
