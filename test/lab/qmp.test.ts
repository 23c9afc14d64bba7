import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QmpClient } from '../../src/clients/qmp/client.js';
import {
  isObject,
  QmpCommandError,
  QmpConnectionError,
  type QmpValue,
} from '../../src/clients/qmp/message.js';

let directory: string;
let socketPath: string;
let qemu: ChildProcess;
let ended: Promise<unknown>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'passerelle-qmp-'));
  socketPath = join(directory, 'qmp.sock');
  qemu = spawn(
    'setpriv',
    `--pdeathsig KILL -- qemu-system-x86_64 -accel tcg -S -display none -nodefaults -machine none -qmp unix:${socketPath},server=on,wait=off`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  );
  ended = once(qemu, 'exit');
});
afterEach(async () => {
  qemu.kill('SIGKILL');
  await ended;
  rmSync(directory, { recursive: true });
});

async function connect(signal: AbortSignal): Promise<QmpClient> {
  for (;;) {
    try {
      return await QmpClient.connect(socketPath, signal);
    } catch (error) {
      if (!(error instanceof QmpConnectionError)) throw error;
      await delay(20, undefined, { signal });
    }
  }
}

describe('QmpClient and a real QEMU', () => {
  it('negotiates, asks, hears events and refusals', async ({ signal }) => {
    const client = await connect(signal);
    expect(client.version.major).toBeGreaterThanOrEqual(5);
    expect(await client.execute('query-status')).toMatchObject({ running: false, status: 'prelaunch' });

    const resumed = client.waitForEvent(({ name }) => name === 'RESUME', signal);
    await client.execute('cont');
    await resumed;
    expect(await client.execute('query-status')).toMatchObject({ running: true });

    await expect(client.execute('no-such-command')).rejects.toMatchObject({ errorClass: 'CommandNotFound' });
    await expect(client.execute('netdev_add', { type: 'user', id: '0 bad' })).rejects.toThrow(
      QmpCommandError,
    );
    // The longest reply there is.
    const schema = (await client.execute('query-qmp-schema')) as QmpValue[];
    expect(schema.some((entry) => isObject(entry) && entry['name'] === 'netdev_add')).toBe(true);
    client.close();
  });

  it('serves clients one after the other, and notices its end', async ({ signal }) => {
    const first = await connect(signal);
    await expect(QmpClient.connect(socketPath, AbortSignal.timeout(150))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    first.close();
    const second = await connect(signal);
    const shutdown = second.waitForEvent(({ name }) => name === 'SHUTDOWN', signal);
    await second.execute('quit');
    await shutdown;
    await ended;
    await expect(second.execute('query-status')).rejects.toThrow(QmpConnectionError);
    expect(second.closed.aborted).toBe(true);
  });
});
