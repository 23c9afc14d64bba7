/** What a machine feels when the fabric dies, is started again, or is replaced by one of another version. */
import { chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../src/wire/tcp.js';
import { FabricProcess } from '../fabric/fabric-process.js';
import { NatLab } from '../conformance/user/scripted/nat-lab.js';
import { Stage } from '../conformance/stage.js';
import { ScriptedGuest } from '../fabric/scripted-guest.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the issue of every restart is: how long a machine waits for its network. */
const GOAL_MS = 1_000;

describe('a fabric that is killed and started again', () => {
  it('dials its machines by itself and carries new connections within a second', async () => {
    const lab = await NatLab.open();
    try {
      const { port } = await lab.serve((socket) => socket.write('hello'));
      const old = lab.dial(port);
      await old.open();
      await lab.fabric.kill('SIGKILL');
      lab.fabric = await FabricProcess.start({ directory: lab.directory });
      const answeredAtMs = performance.now();
      await lab.configure();
      const flow = lab.dial(port);
      await flow.open();
      const { payload } = await flow.next('greeting', (one) => one.payload.length > 0);
      expect(performance.now() - answeredAtMs).toBeLessThan(GOAL_MS);
      expect(payload.toString()).toBe('hello');
      expect(lab.guest.connections).toBe(2);
      // What was under way is told so, and need not wait for a time-out (RFC 9293 section 3.5.2).
      old.send(TcpFlag.ack | TcpFlag.psh, { payload: Buffer.from('?') });
      await old.nextWith(TcpFlag.rst);
    } finally {
      await lab[Symbol.asyncDispose]();
    }
  });

  it('is mended by up, and the machine it serves goes on running', async () => {
    const stage = await Stage.open();
    const guests: ScriptedGuest[] = [];
    try {
      await stage.write(PROJECT);
      await stage.must('up');
      guests.push(await machine(stage));
      const [fabric, sleeper] = [await fabricPid(stage), await machinePid(stage)];
      process.kill(fabric, 'SIGKILL');
      await stage.must('up');
      const upAtMs = performance.now();
      await expect.poll(() => guests[0]!.connections, { interval: 5 }).toBe(2);
      expect(performance.now() - upAtMs).toBeLessThan(GOAL_MS);
      expect(await fabricPid(stage)).not.toBe(fabric);
      expect(await machinePid(stage)).toBe(sleeper);
    } finally {
      await Promise.all(guests.map((guest) => guest.close()));
      await stage.close();
    }
  }, 120_000);
});

describe('a package of another version', () => {
  it('replaces the fabric and keeps what it knew, without a machine being restarted', async () => {
    const stage = await Stage.open();
    const guests: ScriptedGuest[] = [];
    try {
      await stage.write(PROJECT);
      const old = await packageOfVersion(stage, '0.0.9');
      expect((await stage.run(old, 'up', '-f', stage.file)).status).toBe(0);
      guests.push(await machine(stage));
      const sleeper = await machinePid(stage);
      const { status, stdout } = await stage.passerelle('plan');
      expect([status, stdout]).toEqual([3, expect.stringContaining('fabric')]);
      await stage.must('up', '--allow-disruption');
      const upAtMs = performance.now();
      await expect.poll(() => guests[0]!.connections, { interval: 5 }).toBe(2);
      expect(performance.now() - upAtMs).toBeLessThan(GOAL_MS);
      expect(await machinePid(stage)).toBe(sleeper);
      expect((await stage.passerelle('plan')).status).toBe(0);
    } finally {
      await Promise.all(guests.map((guest) => guest.close()));
      await stage.close();
    }
  }, 120_000);
});

const PROJECT = `project: restart
networks: { web: { mode: nat } }
machines:
  a: { nics: [{ network: web }], command: sh -c 'exec sleep 3600' }
`;

/** Listens where QEMU would. */
async function machine(stage: Stage): Promise<ScriptedGuest> {
  const directory = join(stage.directory, 'run/passerelle/restart/nics');
  await mkdir(directory, { recursive: true });
  const socketPath = join(directory, 'a-0.sock');
  const guest = await ScriptedGuest.listen({
    socketPath,
    mac: 0x5254_0000_0001,
    gatewayMac: 0x5254_0000_0002,
  });
  // The fabric may run as somebody else.
  await chmod(socketPath, 0o666);
  await guest.connected();
  return guest;
}

/** This package as if it were of another version. @returns its command. */
async function packageOfVersion(stage: Stage, version: string): Promise<string> {
  const place = join(stage.directory, 'old');
  await mkdir(join(place, 'bin'), { recursive: true });
  await cp(join(ROOT, 'dist'), join(place, 'dist'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(place, 'node_modules'));
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as object;
  await writeFile(join(place, 'package.json'), JSON.stringify({ ...manifest, version }));
  const command = join(place, 'bin/passerelle');
  await cp(join(ROOT, 'bin/passerelle'), command);
  return command;
}

async function fabricPid(stage: Stage): Promise<number> {
  return Number(
    (await readFile(join(stage.directory, 'run/passerelle/restart/fabric.pid'), 'utf8')).split(' ')[0],
  );
}

/** The process that stands for the machine. */
async function machinePid(stage: Stage): Promise<string> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [line, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(join('/proc', pid, name), 'utf8').catch(() => '')),
    );
    if (line === ['sleep', '3600', ''].join('\0') && environment?.includes(stage.directory)) return pid;
  }
  throw new Error('the machine does not run');
}
