/** Killed anywhere, the next `up` or `down` puts everything right, and `down` leaves nothing. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../lab/free-port.js';
import { Stage } from '../stage.js';
import { whyNot } from './vde-lab.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('recovery', () => {
  let stage: Stage;
  /** Machines are plain processes here: what is tried is the network and the bookkeeping. */
  beforeEach(async () => {
    stage = await Stage.open();
    const port = await freePort();
    const other = `vde://${join(stage.directory, 'run/passerelle/recovery/switches/back/ctl')}`;
    await stage.write(`project: recovery
engine: vde
networks:
  web: { mode: nat }
  back: { mode: isolated, vlan: 7 }
  far: { mode: isolated, plugs: ["vxvde://239.9.9.9/if=lo", "${other}[900]"] }
machines:
  a: { nics: [{ network: web, forwards: ["127.0.0.1:${port}:80"] }], command: sh -c 'exec sleep 3600' }
  b: { nics: [{ network: web }, { network: back }, { network: far }], command: sh -c 'exec sleep 3600' }
`);
  });
  afterEach(() => stage.close());

  /** Processes of this stage: their command line or environment names its directory. */
  async function processesLeft(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const [line = '', environment = '', stat = ''] = await Promise.all(
        ['cmdline', 'environ', 'stat'].map((name) =>
          readFile(join('/proc', pid, name), 'utf8').catch(() => ''),
        ),
      );
      const isZombie = stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
      if (stat === '' || isZombie || Number(pid) === process.pid) continue;
      if (`${line}${environment}`.includes(stage.directory))
        found.push(`${pid} ${line.replaceAll('\0', ' ')}`);
    }
    return found;
  }

  it('leaves nothing behind after down', async () => {
    await stage.must('up');
    expect((await stage.passerelle('plan')).status).toBe(0);
    expect((await processesLeft()).filter((line) => line.includes('vde_switch'))).toHaveLength(3);
    await stage.must('down', '--purge');
    expect(await processesLeft()).toEqual([]);
    expect(existsSync(join(stage.directory, 'run/passerelle/recovery'))).toBe(false);
    expect(existsSync(join(stage.directory, 'state/passerelle/recovery'))).toBe(false);
  }, 60_000);

  it('converges after a kill -9 of up or down at any moment', async () => {
    for (const afterMs of [200, 300, 400, 450, 500, 550, 600, 700, 900, 1200]) {
      const up = stage.start('up');
      await delay(afterMs);
      up.kill('SIGKILL');
      await up.ended;
      await stage.must('up', '--allow-disruption');
      const plan = await stage.passerelle('plan');
      expect(plan.status, `up killed after ${afterMs} ms\n${plan.stdout}`).toBe(0);
      const down = stage.start('down');
      await delay(afterMs);
      down.kill('SIGKILL');
      await down.ended;
      await stage.must('down');
      expect(await processesLeft(), `down killed after ${afterMs} ms`).toEqual([]);
    }
  }, 240_000);

  it('lets two ups at once both succeed, one after the other', async () => {
    const outcomes = await Promise.all([stage.passerelle('up'), stage.passerelle('up')]);
    expect(outcomes.map(({ status, stderr }) => [status, stderr])).toEqual([
      [0, expect.any(String)],
      [0, expect.any(String)],
    ]);
    expect((await stage.passerelle('plan')).status).toBe(0);
  }, 60_000);
});
