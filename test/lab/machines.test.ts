import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { QmpClient } from '../../src/clients/qmp/client.js';
import { PasserelleError } from '../../src/errors.js';
import { propertiesOf, resourceId } from '../../src/machines/description.js';
import { unplugNic } from '../../src/machines/hotplug.js';
import { MachineProvider } from '../../src/machines/provider.js';
import { machineFiles } from '../../src/machines/run-files.js';
import type { Places } from '../../src/places.js';
import type { Resource } from '../../src/plan/resource.js';
import { CommandChannel } from './command-channel.js';
import { buildMicroGuest, microGuestCommand, virtioNic } from './guest.js';

const GUEST_RUN = fileURLToPath(new URL('guest-run', import.meta.url));

let directory: string;
let places: Places;
let provider: MachineProvider;

beforeAll(() => buildMicroGuest(AbortSignal.timeout(120_000)));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'passerelle-machines-'));
  places = { runDir: join(directory, 'run'), stateDir: join(directory, 'state') };
  provider = new MachineProvider({ places, environment: process.env, stopLimits: { powerdownMs: 400 } });
});
afterEach(async () => {
  const hasty = new MachineProvider({ places, environment: process.env, stopLimits: { powerdownMs: 0 } });
  const signal = AbortSignal.timeout(20_000);
  await hasty.execute(
    (await hasty.observe(signal)).map((before) => ({ action: 'delete', before })),
    signal,
  );
  rmSync(directory, { recursive: true });
});

const QEMU = 'qemu-system-x86_64 -accel tcg,tb-size=64 -display none -nodefaults';

function wanted(name: string, command: readonly string[], ...nics: string[][]): Resource {
  return {
    id: resourceId(name),
    provider: 'machines',
    kind: 'machine',
    properties: propertiesOf({
      name,
      command,
      nics: nics.map((args, index) => ({ id: `${name}/${index}`, arguments: args })),
      directory,
    }),
    needs: [],
    affects: [name],
  };
}

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work;
  return Math.round(performance.now() - startedAtMs);
}

describe('machines that are QEMUs', () => {
  it('start at once, answer on QMP, are found without their pid file, and quit', async ({ signal }) => {
    const machines = ['a', 'b', 'c', 'd'].map((name) => wanted(name, `${QEMU} -machine none -S`.split(' ')));
    const create = machines.map((after) => ({ action: 'create' as const, after }));
    console.log(`four QEMUs up after ${await elapsedMs(provider.execute(create, signal))} ms`);
    expect(await provider.observe(signal)).toEqual(machines);
    const files = machineFiles(places, 'a');
    (await QmpClient.connect(files.qmpSocket, signal)).close();
    expect(readFileSync(files.log, 'utf8')).toContain(` a: ${QEMU} -machine none -S -qmp unix:`);

    rmSync(files.pid);
    expect(await provider.observe(signal)).toEqual(machines);
    const remove = machines.map((before) => ({ action: 'delete' as const, before }));
    const stopMs = await elapsedMs(provider.execute(remove, signal));
    console.log(`four paused QEMUs gone after ${stopMs} ms`);
    expect(stopMs).toBeLessThan(2000);
    expect(await provider.running()).toEqual([]);
    expect(existsSync(files.directory)).toBe(false);
  });

  it('tell in their own words why they do not start', async ({ signal }) => {
    const bad = wanted('bad', `${QEMU} -machine none -drive file=/no/such/disk.qcow2`.split(' '));
    const failure: unknown = await provider
      .execute([{ action: 'create', after: bad }], signal)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PasserelleError);
    const [problem] = (failure as PasserelleError).problems;
    expect(problem?.code).toBe('machine/start-failed');
    expect(problem?.message).toMatch(/^machine bad ended with exit status 1; it said:\n.*no\/such\/disk/);
    expect(await provider.observe(signal)).toEqual([]);
  });

  it('that ignore their power button are stopped after the limit', async ({ signal }) => {
    // A PC with nothing to boot: the firmware does not listen.
    const deaf = wanted('deaf', `${QEMU} -M pc -m 16`.split(' '));
    await provider.execute([{ action: 'create', after: deaf }], signal);
    const stopMs = await elapsedMs(provider.execute([{ action: 'delete', before: deaf }], signal));
    console.log(`deaf machine gone after ${stopMs} ms, 400 of them for its power button`);
    expect(stopMs).toBeGreaterThanOrEqual(400);
    expect(await provider.running()).toEqual([]);
  });

  it('keep a NIC that their guest does not let go of, and say so', async ({ signal }) => {
    const nic = virtioNic('n0', 'user');
    const stuck = wanted('stuck', `${QEMU} -M pc -m 16 -S`.split(' '), nic);
    await provider.execute([{ action: 'create', after: stuck }], signal);
    const client = await QmpClient.connect(machineFiles(places, 'stuck').qmpSocket, signal);
    const refused = unplugNic(client, { id: 'stuck/0', arguments: nic }, signal, 300);
    await expect(refused).rejects.toMatchObject({ problems: [{ code: 'machine/unplug-refused' }] });
    client.close();
  });

  it('tell which NIC QEMU does not take, and are as they were', async ({ signal }) => {
    const command = `${QEMU} -M pc -m 16 -S`.split(' ');
    const before = wanted('m', command);
    const after = wanted('m', command, ['-netdev', 'user,id=n0', '-device', 'no-such-card,id=c0,netdev=n0']);
    await provider.execute([{ action: 'create', after: before }], signal);
    const refused = provider.execute([{ action: 'update', before, after, changed: ['nics'] }], signal);
    await expect(refused).rejects.toMatchObject({ problems: [{ code: 'machine/plug-refused' }] });
    expect(await provider.observe(signal)).toEqual([before]);
    const client = await QmpClient.connect(machineFiles(places, 'm').qmpSocket, signal);
    await client.execute('netdev_add', { type: 'user', id: 'n0' }, signal);
    client.close();
  });

  it('boot a guest, change its NICs while it runs, and power it off by its button', async ({ signal }) => {
    const command = await microGuestCommand('web1', directory);
    const first = virtioNic('n0', 'user,net=10.1.0.0/24', '52:54:00:00:00:01');
    const second = virtioNic('n1', 'user,net=10.2.0.0/24', '52:54:00:00:00:02');
    const changed = virtioNic('n0', 'user,net=10.3.0.0/24', '52:54:00:00:00:03');
    const before = wanted('web1', command, first);
    await provider.execute([{ action: 'create', after: before }], signal);
    const [process] = await provider.running();
    const guest = await CommandChannel.open(
      join(directory, 'web1.commands'),
      AbortSignal.any([signal, AbortSignal.timeout(60_000)]),
    );
    const addresses = async (): Promise<string[]> => {
      const { output } = await guest.run(
        'ip -4 address show | grep -o "inet [0-9.]* *.*" | grep -o "10[0-9.]*\\.15/24"; true',
      );
      return output.split('\n').filter((line) => line !== '');
    };
    await expect.poll(addresses, { timeout: 20_000 }).toEqual(['10.1.0.15/24']);

    const both = wanted('web1', command, first, second);
    expect(provider.updatesInPlace(before, both)).toBe(true);
    const plugMs = await elapsedMs(
      provider.execute([{ action: 'update', before, after: both, changed: ['nics'] }], signal),
    );
    const leaseMs = await elapsedMs(
      expect.poll(addresses, { timeout: 20_000 }).toEqual(['10.1.0.15/24', '10.2.0.15/24']),
    );
    console.log(`second NIC plugged in ${plugMs} ms, leased ${leaseMs} ms later`);
    expect(await provider.observe(signal)).toEqual([both]);

    const swapped = wanted('web1', command, changed, second);
    const unplugMs = await elapsedMs(
      provider.execute([{ action: 'update', before: both, after: swapped, changed: ['nics'] }], signal),
    );
    const againMs = await elapsedMs(
      expect.poll(addresses, { timeout: 20_000 }).toEqual(['10.2.0.15/24', '10.3.0.15/24']),
    );
    console.log(`first NIC exchanged in ${unplugMs} ms, leased ${againMs} ms later`);
    expect((await guest.run('cat /sys/class/net/eth*/address')).output.split('\n').sort()).toEqual([
      '',
      '52:54:00:00:00:02',
      '52:54:00:00:00:03',
    ]);
    expect(await provider.observe(signal)).toEqual([swapped]);
    expect(await provider.running()).toEqual([process]);

    guest.close();
    const byHand = spawnSync(GUEST_RUN, [join(directory, 'web1.commands'), 'hostname; exit 3'], {
      encoding: 'utf8',
    });
    expect(byHand).toMatchObject({ status: 3, stdout: 'web1\n', stderr: '' });

    const polite = new MachineProvider({ places, environment: globalThis.process.env });
    const stopMs = await elapsedMs(polite.execute([{ action: 'delete', before: swapped }], signal));
    console.log(`guest powered off in ${stopMs} ms`);
    expect(stopMs).toBeLessThan(3000);
    expect(await provider.running()).toEqual([]);
  });
});
