import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { machineFiles } from './run-files.js';
import { propertiesOf } from './description.js';
import { startMachine } from './start.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'psl-start-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function start(path: string, fd: number): Promise<void> {
  const description = {
    name: 'a',
    command: ['sh', '-c', `echo heard >&${fd}; sleep 0.4`],
    nics: [{ id: 'a/0', arguments: [], descriptors: [{ fd, path }] }],
    directory,
  };
  const files = machineFiles({ runDir: join(directory, 'run'), stateDir: join(directory, 'state') }, 'a');
  const record = { properties: propertiesOf(description), needs: [] };
  await startMachine(files, description, record, process.env, AbortSignal.timeout(5000));
}

it('gives a machine the files of its NICs, each open at its number', async () => {
  const path = join(directory, 'device');
  writeFileSync(path, '');
  await start(path, 5);
  expect(readFileSync(path, 'utf8')).toBe('heard\n');
  await sleep(500);
});

it('starts nothing when such a file is not there', async () => {
  await expect(start(join(directory, 'absent'), 3)).rejects.toThrow('cannot have');
});
