import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PasserelleError } from '../errors.js';
import type { Places } from '../places.js';
import type { Resource } from '../plan/resource.js';
import { propertiesOf, resourceId } from './description.js';
import { machineProblems } from './preflight.js';
import { MachineProvider } from './provider.js';
import { machineFiles } from './run-files.js';

// Machines that are plain programs; QEMU itself is in test/lab/machines.test.ts.
let directory: string;
let places: Places;
let provider: MachineProvider;
let strays: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'passerelle-machines-'));
  places = { runDir: join(directory, 'run'), stateDir: join(directory, 'state') };
  provider = new MachineProvider({ places, environment: process.env, stopLimits: { terminateMs: 300 } });
  strays = [];
});
afterEach(async () => {
  const signal = new AbortController().signal;
  await provider.execute(
    (await provider.observe(signal)).map((before) => ({ action: 'delete', before })),
    signal,
  );
  for (const stray of strays) stray.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

function wanted(name: string, ...command: string[]): Resource {
  return {
    id: resourceId(name),
    provider: 'machines',
    kind: 'machine',
    properties: propertiesOf({ name, command, nics: [], directory }),
    needs: [`user/port/${name}/0`],
    affects: [name],
  };
}

const logOf = (name: string): string => readFileSync(machineFiles(places, name).log, 'utf8');

describe('MachineProvider', () => {
  it('starts programs that outlive it, tells them again as they are wanted, and stops them', async ({
    signal,
  }) => {
    expect(await provider.observe(signal)).toEqual([]);
    const a = wanted('a', 'sh', '-c', 'echo "in $(pwd)"; sleep 60');
    const b = wanted('b', 'sleep', '60');
    await provider.execute(
      [
        { action: 'create', after: a },
        { action: 'create', after: b },
      ],
      signal,
    );

    const another = new MachineProvider({ places, environment: process.env });
    expect(await another.observe(signal)).toEqual([a, b]);
    const [runningA] = await another.running();
    expect(runningA?.name).toBe('a');
    expect(readFileSync(`/proc/${runningA?.pid}/cmdline`, 'utf8').split('\0')[0]).toBe('sh');
    expect(logOf('a')).toMatch(/^--- \S+ a: sh -c 'echo .*'\nin .*passerelle-machines-\w+\n$/);
    expect(statSync(machineFiles(places, 'a').directory).mode & 0o777).toBe(0o700);

    await another.execute([{ action: 'delete', before: a }], signal);
    expect(await provider.observe(signal)).toEqual([b]);
    expect(existsSync(machineFiles(places, 'a').directory)).toBe(false);
  });

  it('starts and stops a dozen in parallel, without a warning', async ({ signal, onTestFinished }) => {
    const warnings: Error[] = [];
    const listen = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    // They take their time to end, so that all are waited for at once.
    const slow = ['sh', '-c', 'trap "sleep 0.3; exit 0" TERM; while :; do sleep 0.05; done'] as const;
    const dozen = Array.from({ length: 12 }, (_, index) => wanted(`m${index + 10}`, ...slow));
    await provider.execute(
      dozen.map((after) => ({ action: 'create', after })),
      signal,
    );
    expect(await provider.observe(signal)).toEqual(dozen);
    await provider.execute(
      dozen.map((before) => ({ action: 'delete', before })),
      signal,
    );
    expect(await provider.observe(signal)).toEqual([]);
    expect(warnings.map(String)).toEqual([]);
  });

  it('replaces a machine: the old process ends first', async ({ signal }) => {
    const before = wanted('a', 'sleep', '60');
    const after = wanted('a', 'sleep', '61');
    await provider.execute([{ action: 'create', after: before }], signal);
    const [old] = await provider.running();
    await provider.execute([{ action: 'replace', before, after, changed: ['command'] }], signal);
    expect(await provider.observe(signal)).toEqual([after]);
    expect((await provider.running())[0]?.pid).not.toBe(old?.pid);
  });

  it('kills what does not listen, with its children', async ({ signal }) => {
    const deaf = wanted('deaf', 'sh', '-c', 'trap "" TERM; sleep 60 & echo child $!; wait; wait; wait; wait');
    await provider.execute([{ action: 'create', after: deaf }], signal);
    const child = Number(/child (\d+)/.exec(logOf('deaf'))?.[1]);
    const startedAtMs = performance.now();
    await provider.execute([{ action: 'delete', before: deaf }], signal);
    expect(performance.now() - startedAtMs).toBeGreaterThan(250);
    expect(await provider.observe(signal)).toEqual([]);
    await expect
      .poll(() => existsSync(`/proc/${child}/status`) && readFileSync(`/proc/${child}/stat`, 'latin1'))
      .not.toMatch(/\) [SR] /);
  });

  it('tells every machine that does not start, with what it said, and keeps the others', async ({
    signal,
  }) => {
    const fine = wanted('fine', 'sleep', '60');
    const failing = provider.execute(
      [
        { action: 'create', after: wanted('bad', 'sh', '-c', 'echo first; echo no disk >&2; exit 3') },
        { action: 'create', after: fine },
        { action: 'create', after: wanted('none', 'no-such-program') },
        { action: 'create', after: wanted('qemu', './missing/qemu-system-x86_64') },
      ],
      signal,
    );
    const error = await failing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(PasserelleError);
    const { problems } = error as PasserelleError;
    expect(problems.map(({ code }) => code).sort()).toEqual([
      'machine/command-missing',
      'machine/command-missing',
      'machine/start-failed',
    ]);
    const failed = problems.find(({ code }) => code === 'machine/start-failed');
    expect(failed?.message).toBe('machine bad ended with exit status 3; it said:\n  first\n  no disk');
    expect(problems.some(({ fix }) => fix?.includes('apt-get install qemu-system-x86'))).toBe(true);
    expect(await provider.observe(signal)).toEqual([fine]);
    expect(existsSync(machineFiles(places, 'bad').directory)).toBe(false);
  });

  it('finds a machine whose starter was killed before it wrote the pid', async ({ signal }) => {
    const a = wanted('a', 'sleep', '60');
    await provider.execute([{ action: 'create', after: a }], signal);
    const [before] = await provider.running();
    rmSync(machineFiles(places, 'a').pid);
    expect(await provider.running()).toEqual([before]);
    expect(await provider.observe(signal)).toEqual([a]);
    await provider.execute([{ action: 'delete', before: a }], signal);
    expect(await provider.running()).toEqual([]);
  });

  it('takes a machine that ended for one that is not there, whoever has its pid now', async ({ signal }) => {
    const a = wanted('a', 'sh', '-c', 'sleep 0.15');
    await provider.execute([{ action: 'create', after: a }], signal);
    await expect.poll(() => provider.observe(signal), { timeout: 5000 }).toEqual([]);

    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    strays.push(stranger);
    await once(stranger, 'spawn');
    writeFileSync(machineFiles(places, 'a').pid, `${stranger.pid} 1\n`);
    expect(await provider.observe(signal)).toEqual([]);
    await provider.execute([{ action: 'delete', before: a }], signal);
    expect(stranger.exitCode === null && stranger.signalCode === null).toBe(true);

    await provider.execute([{ action: 'create', after: a }], signal);
    await expect.poll(() => provider.running(), { timeout: 5000 }).toEqual([]);
    await provider.sweep();
    expect(existsSync(machineFiles(places, 'a').directory)).toBe(false);
  });

  it('observes a machine with a damaged record as one that has to be replaced', async ({ signal }) => {
    const a = wanted('a', 'sleep', '60');
    await provider.execute([{ action: 'create', after: a }], signal);
    for (const damage of ['', '{', '[]', 'null', '{"properties": 7, "needs": {}}']) {
      writeFileSync(machineFiles(places, 'a').record, damage);
      expect(await provider.observe(signal)).toEqual([{ ...a, properties: {}, needs: [] }]);
    }
    mkdirSync(join(places.runDir, 'machines', 'empty'));
    expect(await provider.observe(signal)).toHaveLength(1);
  });

  it('stops when its signal aborts', async () => {
    const create = { action: 'create' as const, after: wanted('a', 'sleep', '60') };
    const reason = new Error('enough');
    await expect(provider.execute([create], AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await provider.running()).toEqual([]);
  });

  it('says what each change does to the machine, and what a person would type', () => {
    const before = wanted('a', 'sleep', '60');
    const after = wanted('a', 'sleep', "it's");
    const changed = ['command'];
    expect(provider.updatesInPlace(before, after)).toBe(false);
    expect(provider.impactOf({ action: 'create', after })).toBe('none');
    expect(provider.impactOf({ action: 'update', before, after, changed: ['nics'] })).toBe('re-plug');
    expect(provider.impactOf({ action: 'replace', before, after, changed })).toBe('restart');
    expect(provider.impactOf({ action: 'delete', before })).toBe('stop');
    const [stop, start] = provider.commandsFor({ action: 'replace', before, after, changed });
    expect(stop).toBe(`kill "$(cut -d ' ' -f 1 ${places.runDir}/machines/a/pid)"`);
    expect(start).toBe(
      `(cd ${directory} && setsid sleep 'it'\\''s' </dev/null >>${places.stateDir}/logs/a.log 2>&1 &)`,
    );
  });
});

describe('machineProblems', () => {
  it('tells, before anything is touched, what would keep machines from starting', async () => {
    const source = { file: 'passerelle.yaml', line: 7, column: 3 };
    const machines = [
      { name: 'none', nics: [], command: ['no-such-program'], source },
      { name: 'fork', nics: [], command: ['/nowhere/qemu-system-x86_64', '-daemonize'], source },
      { name: 'fine', nics: [], command: ['sh'], source },
      { name: 'by-hand', nics: [], source },
      { name: 'x'.repeat(90), nics: [], command: ['sh'], source },
    ];
    const problems = await machineProblems(
      { project: 'p', networks: [], forwards: [], machines },
      { places, directory, environment: { PATH: '/usr/bin:/bin' } },
    );
    expect(problems.map(({ code, at }) => [code, at])).toEqual([
      ['machine/command-missing', source],
      ['machine/command-missing', source],
      ['machine/daemonizes', source],
      ['machine/socket-path-too-long', source],
    ]);
    expect(existsSync(places.runDir)).toBe(false);
  });
});
