/** An isolated network of real guests on a real vde_switch, as an ordinary user: what passes, and after a crash. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processStartTicks } from '../../../src/plan/process-identity.js';
import { CommandChannel } from '../../lab/command-channel.js';
import { buildMicroGuest, microGuestCommand } from '../../lab/guest.js';
import { Stage } from '../stage.js';
import { whyNot } from './vde-lab.js';

const reason = whyNot('qemu-system-x86_64');
if (reason !== undefined) console.log(`skipped: ${reason}`);

const ADDRESSES = { a: '10.9.0.1', b: '10.9.0.2' } as const;
type Name = keyof typeof ADDRESSES;

describe.skipIf(reason !== undefined)('an isolated network of guests', () => {
  let stage: Stage;
  const channels = new Map<Name, CommandChannel>();

  beforeAll(async () => {
    await buildMicroGuest(AbortSignal.timeout(120_000));
    stage = await Stage.open();
    const machines = await Promise.all(
      Object.entries(ADDRESSES).map(async ([name, address]) => {
        const [qemu = '', ...words] = await microGuestCommand(name, stage.directory, [`nic0=${address}/24`]);
        // b has a QEMU without VDE: so it says.
        const command = [name === 'b' ? await qemuWithoutVde(stage.directory, qemu) : qemu, ...words];
        return `  ${name}: { nics: [{ network: back }], command: ${JSON.stringify(command)} }`;
      }),
    );
    await stage.write(
      `project: vdelab\nengine: vde\nnetworks:\n  back: { mode: isolated }\nmachines:\n${machines.join('\n')}\n`,
    );
    await stage.must('up');
    for (const name of ['a', 'b'] as const) {
      const path = join(stage.directory, `${name}.commands`);
      channels.set(name, await CommandChannel.open(path, AbortSignal.timeout(60_000)));
    }
  }, 200_000);
  afterAll(async () => {
    for (const channel of channels.values()) channel.close();
    await stage.close();
  });

  const say = async (name: Name, line: string, timeoutMs = 30_000): Promise<string> => {
    const answer = await channels.get(name)?.run(line, { timeoutMs });
    if (answer?.status !== 0) throw new Error(`${name}: ${line}: ${answer?.status} ${answer?.output}`);
    return answer.output.trim();
  };
  const configured = (name: Name): Promise<void> =>
    expect.poll(() => say(name, 'ip -4 -o address'), { timeout: 30_000 }).toContain(ADDRESSES[name]);

  /** Pings, and four megabytes each way, byte for byte. */
  async function reachOneAnother(): Promise<void> {
    await configured('a');
    await configured('b');
    await say('a', `ping -c 2 -W 3 ${ADDRESSES.b}`);
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const url = `http://${ADDRESSES[to]}/cgi-bin/big?4194304`;
      const fetched = await say(from, `timeout 100 wget -q -O - "${url}" | md5sum`, 110_000);
      expect(fetched).toBe(await say(to, '/www/cgi-bin/big 2>/dev/null | tail -c 4194304 | md5sum'));
    }
  }

  it('are plugged in by their QEMU, or by a patch panel where it has no VDE', async () => {
    expect(await stage.must('netdev', 'a')).toContain('-netdev vde,');
    expect(await stage.must('netdev', 'b')).toContain('-netdev stream,id=psl0,server=on');
  });

  it('reach one another', reachOneAnother, 240_000);

  it('reach nothing else: no host, no neighbour, no router answers', async () => {
    const answer = await channels.get('a')?.run('ip route add default dev eth0; ping -c 2 -W 1 192.0.2.1');
    expect(answer?.status).not.toBe(0);
    await say('a', 'ip route del default dev eth0');
    // Whoever is on the link answers to all nodes: the two guests and nobody else.
    const all = await say('a', 'ping6 -c 3 -W 2 ff02::1%eth0 | grep -o "from [0-9a-f:]*" | sort -u', 30_000);
    expect(all.split('\n').length).toBeLessThanOrEqual(2);
    expect(await say('a', 'ip neigh show | grep -c lladdr || true')).toMatch(/^[12]$/);
  });

  it('is told of by status', async () => {
    const status = await stage.json<{
      engines: { running: boolean; ports: { nic: string; connected: boolean; rxFrames: number }[] }[];
    }>('status');
    const [engine] = status.engines;
    expect(engine?.running).toBe(true);
    expect(engine?.ports.map(({ nic, connected }) => [nic, connected])).toEqual([
      ['a/0', true],
      ['b/0', true],
    ]);
    expect(engine?.ports.every(({ rxFrames }) => rxFrames > 1000)).toBe(true);
  });

  it('find each other again after kill -9 of the switch and another up', async () => {
    const directory = join(stage.directory, 'run/passerelle/vdelab/switches/back');
    const pid = Number(await readFile(join(directory, 'switch.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => processStartTicks(pid)).toBeUndefined();
    expect((await channels.get('a')?.run(`ping -c 1 -W 1 ${ADDRESSES.b}`))?.status).not.toBe(0);
    const startedAt = await say('b', 'cut -d " " -f 22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id');
    const plan = await stage.passerelle('plan');
    expect(plan.status).toBe(3);
    await stage.must('up', '--allow-disruption');
    expect((await stage.passerelle('plan')).status).toBe(0);
    await reachOneAnother();
    // Behind a patch panel a machine is not plugged in again: it runs on.
    expect(await say('b', 'cut -d " " -f 22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id')).toBe(
      startedAt,
    );
  }, 300_000);
});

/** A QEMU that is built without VDE, as far as it says: the same one, behind a script. */
async function qemuWithoutVde(directory: string, qemu: string): Promise<string> {
  const path = join(directory, 'qemu-system-x86_64');
  const script = `#!/bin/sh
if [ "$*" = '-netdev help' ]; then ${qemu} -netdev help | grep -vx vde; else exec ${qemu} "$@"; fi
`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}
