/** Killed anywhere, the next `up` or `down` puts everything right, and `down` leaves nothing. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stage } from '../conformance/stage.js';
import { freePort } from '../lab/free-port.js';

let stage: Stage;
let port: number;
beforeEach(async () => {
  stage = await Stage.open();
  port = await freePort();
  await stage.write(projectFile());
});
afterEach(async () => {
  await stage.close();
});

/** Machines are plain processes here: what is tried is the network and the bookkeeping. */
function projectFile(extra = ''): string {
  return `project: recovery
networks:
  web: { mode: nat }
  back: { mode: isolated, dhcp: true }
machines:
  a: { nics: [{ network: web, forwards: ["127.0.0.1:${port}:80"] }], command: sh -c 'exec sleep 3600' }
  b: { nics: [{ network: web }, { network: back }], command: sh -c 'exec sleep 3600' }
${extra}`;
}

/** Processes of this stage: their command line or environment names its directory. */
async function processesLeft(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [line, environment, stat] = await Promise.all(
      ['cmdline', 'environ', 'stat'].map((name) =>
        readFile(join('/proc', pid, name), 'utf8').catch(() => ''),
      ),
    );
    const isZombie = stat?.slice(stat.lastIndexOf(')') + 2).startsWith('Z') ?? true;
    if (isZombie || Number(pid) === process.pid) continue;
    if (`${line}${environment}`.includes(stage.directory))
      found.push(`${pid} ${line?.replaceAll('\0', ' ')}`);
  }
  return found;
}

async function fabricPid(): Promise<number> {
  const text = await readFile(join(stage.directory, 'run/passerelle/recovery/fabric.pid'), 'utf8');
  return Number(text.split(' ')[0]);
}

describe('recovery', () => {
  it('leaves nothing behind after down', async () => {
    await stage.must('up');
    await stage.must('down', '--purge');
    expect(await processesLeft()).toEqual([]);
    expect(existsSync(join(stage.directory, 'run/passerelle/recovery'))).toBe(false);
    expect(existsSync(join(stage.directory, 'state/passerelle/recovery'))).toBe(false);
  });

  it('leaves nothing behind after down of a killed fabric either', async () => {
    await stage.must('up');
    process.kill(await fabricPid(), 'SIGKILL');
    await stage.must('down', '--purge');
    expect(await processesLeft()).toEqual([]);
    expect(existsSync(join(stage.directory, 'run/passerelle/recovery'))).toBe(false);
  });

  it('starts a killed fabric again, with everything it had', async () => {
    await stage.must('up');
    process.kill(await fabricPid(), 'SIGKILL');
    await delay(100);
    expect((await stage.passerelle('plan')).status).toBe(3);
    await stage.must('up');
    expect((await stage.passerelle('plan')).status).toBe(0);
  });

  it('replaces a fabric that does not answer', async () => {
    await stage.must('up');
    const pid = await fabricPid();
    process.kill(pid, 'SIGSTOP');
    await stage.must('up', '--allow-disruption');
    expect(await fabricPid()).not.toBe(pid);
    expect((await stage.passerelle('plan')).status).toBe(0);
  }, 120_000);

  it('starts a machine again that died', async () => {
    await stage.must('up');
    const { stdout } = await promisify(execFile)('pgrep', ['-f', 'sleep 3600']);
    const ours = await processesLeft();
    const victim = stdout.split('\n').find((pid) => ours.some((line) => line.startsWith(`${pid} `)));
    process.kill(Number(victim), 'SIGKILL');
    await delay(100);
    expect((await stage.passerelle('plan')).status).toBe(3);
    await stage.must('up');
    expect((await stage.passerelle('plan')).status).toBe(0);
  });

  it('converges after a kill -9 of up at any moment', async () => {
    for (const afterMs of [150, 250, 300, 350, 400, 450, 500, 600, 800]) {
      const up = stage.start('up');
      await delay(afterMs);
      up.kill('SIGKILL');
      await up.ended;
      await stage.must('up');
      expect((await stage.passerelle('plan')).status, `killed after ${afterMs} ms`).toBe(0);
      const second = stage.start('down');
      await delay(afterMs);
      second.kill('SIGKILL');
      await second.ended;
      await stage.must('down');
      expect(await processesLeft(), `killed after ${afterMs} ms`).toEqual([]);
    }
  }, 180_000);

  it('lets two ups at once both succeed, one after the other', async () => {
    const outcomes = await Promise.all([
      stage.passerelle('up'),
      stage.passerelle('up'),
      stage.passerelle('up'),
    ]);
    expect(outcomes.map((one) => one.status)).toEqual([0, 0, 0]);
    expect((await stage.passerelle('plan')).status).toBe(0);
    expect((await processesLeft()).filter((line) => line.includes('fabric/main.js'))).toHaveLength(1);
  });

  it('reverts when a machine cannot be started', async () => {
    await stage.must('up');
    await stage.write(projectFile('  c: { nics: [{ network: web }], command: /nonexistent/program }\n'));
    const { status, stderr } = await stage.passerelle('up');
    expect(status).not.toBe(0);
    expect(stderr).toContain('/nonexistent/program');
    await stage.write(projectFile());
    expect((await stage.passerelle('plan')).status).toBe(0);
  });
});
