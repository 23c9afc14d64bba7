import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests, virtioNic } from './guest.js';

beforeAll(() => buildMicroGuest(AbortSignal.timeout(120_000)));
afterEach(stopAllGuests);

/** A port of the loopback that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('the micro guest builder', () => {
  it('makes a kernel and an initramfs from a clean cache, and nothing the second time', async ({
    signal,
  }) => {
    const cache = await mkdtemp(join(tmpdir(), 'passerelle-lab-cache-'));
    try {
      await buildMicroGuest(signal, cache);
      expect(statSync(join(cache, 'vmlinuz')).size).toBeGreaterThan(5_000_000);
      expect(readFileSync(join(cache, 'guest.cpio')).subarray(0, 6).toString()).toBe('070701');
      const made = statSync(join(cache, 'guest.cpio'));
      const names = readdirSync(cache).sort();

      const startedAtMs = performance.now();
      await buildMicroGuest(signal, cache);
      console.log(`builder, nothing to do: ${Math.round(performance.now() - startedAtMs)} ms`);
      expect(statSync(join(cache, 'guest.cpio')).ino).toBe(made.ino);
      expect(readdirSync(cache).sort()).toEqual(names);
      expect(names.filter((name) => name.startsWith('.work'))).toEqual([]);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
});

describe('the programs of a guest', () => {
  it('are added once, whoever else adds the same ones at that moment', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'passerelle-lab-programs-'));
    const add = promisify(execFile);
    try {
      writeFileSync(join(cache, 'guest.cpio'), '');
      for (let round = 0; round < 5; round++) {
        for (const name of readdirSync(cache)) if (name.startsWith('guest-with-')) rmSync(join(cache, name));
        const made = await Promise.all(
          [1, 2, 3, 4].map(async () => {
            const { stdout } = await add(join(import.meta.dirname, 'add-programs'), ['setpriv'], {
              env: { ...process.env, MICRO_GUEST_CACHE: cache },
            });
            return { file: stdout.trim(), ino: statSync(stdout.trim()).ino };
          }),
        );
        expect(new Set(made.map(({ ino }) => ino)).size).toBe(1);
      }
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
});

describe('a micro guest', () => {
  it('gets a lease from QEMU, serves HTTP and answers on its command channel', async ({ signal }) => {
    const port = await freePort();
    const netdev = `user,hostfwd=tcp:127.0.0.1:${port}-:9090`;
    const startedAtMs = performance.now();
    const guest = await startGuest(
      { name: 'web1', nics: [virtioNic('n0', netdev, '52:54:00:00:00:01')] },
      signal,
    );
    await guest.waitFor('eth0 10.0.2.15/24');
    await guest.ready();
    console.log(
      `agent after ${Math.round(guest.bootMs)} ms, lease after ${Math.round(performance.now() - startedAtMs)} ms`,
    );

    expect(await guest.must('cat /sys/class/net/eth0/address')).toBe('52:54:00:00:00:01');
    const address = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${address}/name`, { signal })).text()).toBe('web1\n');
    expect(await (await fetch(`${address}/cgi-bin/who`, { signal })).text()).toContain('10.0.2.2');

    const big = Buffer.from(await (await fetch(`${address}/cgi-bin/big?4194304`, { signal })).arrayBuffer());
    const digest = await guest.must(
      'while cat /bin/busybox; do :; done 2>/dev/null | head -c 4194304 | md5sum',
    );
    expect(`${createHash('md5').update(big).digest('hex')}  -`).toBe(digest);

    const upload = await fetch(`${address}/cgi-bin/upload`, { method: 'POST', body: big, signal });
    expect(await upload.text()).toBe(`4194304 ${createHash('md5').update(big).digest('hex')}\n`);
  });

  it('brings any bytes and exit statuses through the command channel', async ({ signal }) => {
    const guest = await startGuest({ name: 'plain', nics: [] }, signal);
    expect(await guest.run('echo out; echo err >&2; exit 7')).toMatchObject({
      status: 7,
      output: 'out\nerr\n',
    });
    expect(await guest.run(`printf '\\0\\377@1 pong\\n\\r\\n@x 0 1 '; false`)).toMatchObject({
      status: 1,
      outputBytes: Buffer.from('\0\xff@1 pong\n\r\n@x 0 1 ', 'latin1'),
    });
    expect(await guest.run(`printf '%s' "it's \\"quoted\\" \\$HOME é"`)).toMatchObject({
      output: `it's "quoted" $HOME é`,
    });

    // Noise on the very wire, and commands that overlap.
    const noise = guest.run('for i in 1 2 3; do echo "@garbage $i" >/dev/ttyS1; dmesg >/dev/ttyS1; done');
    const many = Array.from({ length: 8 }, (_, index) => guest.run(`seq 1 300; exit ${index}`));
    expect((await Promise.all(many)).map(({ status }) => status)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect((await noise).status).toBe(0);

    const bytes = (await guest.run('head -c 400000 /bin/busybox')).outputBytes;
    const md5 = createHash('md5').update(bytes).digest('hex');
    expect(await guest.must('head -c 400000 /bin/busybox | md5sum')).toBe(`${md5}  -`);

    expect((await guest.run('sleep 60', { timeoutMs: 1000 })).status).toBe(137);
    await expect(guest.must('echo why; exit 3')).rejects.toThrow('exit status 3\nwhy');
  });

  it('takes fixed addresses, and two of them meet on a cable of QEMU', async ({ signal, onTestFinished }) => {
    const directory = await mkdtemp(join(tmpdir(), 'passerelle-cable-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    // Datagrams want no order of start; `-netdev socket,connect` stays dead when its peer listens a moment too late.
    const cable = (from: string, to: string): string =>
      `dgram,local.type=unix,local.path=${directory}/${from},remote.type=unix,remote.path=${directory}/${to}`;
    const [a, b] = await Promise.all([
      startGuest(
        {
          name: 'a',
          nics: [virtioNic('n0', cable('a', 'b'), '52:54:00:00:00:0a')],
          setup: ['nic0=10.1.0.1/24,fd00:1::1/64,mtu=1400'],
        },
        signal,
      ),
      startGuest(
        {
          name: 'b',
          nics: [
            virtioNic('n0', cable('b', 'a'), '52:54:00:00:00:0b'),
            virtioNic('n1', 'user', '52:54:00:00:01:0b'),
          ],
          setup: ['nic0=10.1.0.2/24,fd00:1::2/64', 'nic1=none,noslaac'],
        },
        signal,
      ),
    ]);
    await Promise.all([a.ready(), b.ready()]);
    console.log(`two guests at once: agents after ${Math.round(a.bootMs)} and ${Math.round(b.bootMs)} ms`);
    expect(await b.must('ping -c 1 -W 5 10.1.0.1')).toContain('1 packets received');
    expect(await b.must('timeout 10 wget -q -O - http://10.1.0.1/name')).toBe('a');
    expect(await a.must('cat /sys/class/net/eth0/mtu')).toBe('1400');
    expect(await b.must('ip -4 address show eth1')).toBe('');
  });

  it('leaves nothing behind when it is stopped', async ({ signal }) => {
    const guest = await startGuest({ name: 'off', nics: [] }, signal);
    expect(isAlive(guest.pid)).toBe(true);
    expect(existsSync(guest.commandSocket)).toBe(true);
    await guest.stop();
    expect(isAlive(guest.pid)).toBe(false);
    expect(existsSync(dirname(guest.commandSocket))).toBe(false);
  });

  it('has programs of the host when asked', async ({ signal }) => {
    const guest = await startGuest({ name: 'more', nics: [], programs: ['prlimit'] }, signal);
    expect(await guest.must('prlimit --version')).toContain('util-linux');
  });

  it('refuses a fifth guest and one that cannot start, with the reason', async ({ signal }) => {
    const broken = startGuest({ name: 'broken', nics: [['-device', 'no-such-nic']] }, signal);
    await expect(broken).rejects.toThrow('no-such-nic');

    const impossible: Promise<Guest>[] = Array.from({ length: 5 }, (_, index) =>
      startGuest({ name: `g${index}`, nics: [['-device', 'no-such-nic']] }, signal),
    );
    const reasons = await Promise.allSettled(impossible);
    expect(String((reasons[4] as PromiseRejectedResult).reason)).toContain('at most 4 guests');
  });

  it('dies with the signal', async ({ signal }) => {
    const stop = new AbortController();
    const guest = await startGuest({ name: 'short', nics: [] }, AbortSignal.any([signal, stop.signal]));
    stop.abort(new Error('enough'));
    await expect(guest.run('true')).rejects.toThrow('no answer to: true');
    await guest.stop();
    expect(isAlive(guest.pid)).toBe(false);
  });
});
