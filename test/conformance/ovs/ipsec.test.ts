/** Encrypted tunnels as rows of a real database: the key is there and nowhere else. No packet is proven here. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsipsec';
const FIRST_KEY = 'f1rst-secret-of-the-hosts-0001';
const SECOND_KEY = 'sec0nd-secret-of-the-hosts-0002';

describe.skipIf(lacking !== undefined)('encrypted tunnels of the ovs engine', () => {
  let host: OvsHost;
  let project: OvsProject;
  let keyFile: string;

  function wanted(isEncrypted: boolean, datapath: 'netdev' | 'system' = 'netdev') {
    const back = network(PROJECT, 'back', 'isolated', {
      options: { datapath, ...(isEncrypted && { ipsec: { 'psk-file': keyFile } }) },
      overlay: {
        type: 'geneve',
        identifier: 42,
        localAddress: '192.0.2.1',
        peers: [{ host: 'kvm2', address: '192.0.2.2' }],
      },
    });
    return topology(PROJECT, [back], [nic(PROJECT, 'a', 0, back)]);
  }

  async function standing(): Promise<string> {
    return host.run('ovs-vsctl', '--bare', '--columns=options', 'find', 'Interface', 'type=geneve');
  }

  async function pending(isEncrypted: boolean) {
    return (await project.plan(project.engine.desire(wanted(isEncrypted)), signal())).steps;
  }

  async function refused(datapath: 'netdev' | 'system' = 'system'): Promise<string[]> {
    const problems = await project.engine.preflight(wanted(true, datapath), signal());
    return problems.map(({ code }) => code).filter((code) => code.startsWith('ovs/ipsec'));
  }

  beforeAll(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    keyFile = join(project.directory, 'shop.psk');
    await host.type('ip address add 192.0.2.1/24 dev lo');
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  it('are refused where they would travel in clear, and where the key is none or no secret', async () => {
    expect(await refused('netdev')).toEqual([
      'ovs/ipsec-in-userspace',
      'ovs/ipsec-not-running',
      'ovs/ipsec-key',
    ]);
    await writeFile(keyFile, `${FIRST_KEY}\n`, { mode: 0o644 });
    await chmod(keyFile, 0o644);
    expect(await refused()).toEqual(['ovs/ipsec-not-running', 'ovs/ipsec-key']);
    await chmod(keyFile, 0o600);
    expect(await refused()).toEqual(['ovs/ipsec-not-running']);

    // What stands for ovs-monitor-ipsec: a process that lives, by the file that it writes.
    const monitor = spawn('sleep', ['60'], { stdio: 'ignore' });
    await writeFile(join(host.directory, 'ovs-monitor-ipsec.pid'), `${monitor.pid}\n`);
    expect(await refused()).toEqual([]);
    await writeFile(keyFile, 'short\n');
    expect(await refused()).toEqual(['ovs/ipsec-key']);
    await writeFile(keyFile, `${FIRST_KEY}\n`);
    monitor.kill('SIGKILL');
    await once(monitor, 'exit');
    expect(await refused()).toEqual(['ovs/ipsec-not-running']);
  });

  it('have the key in their rows, and no plan, status or list of commands has it', async () => {
    const steps = await pending(true);
    const shown = JSON.stringify([
      steps,
      steps.flatMap(({ change }) => project.engine.commandsFor(change)),
      await project.engine.status(signal()),
      await project.engine.preflight(wanted(true), signal()),
    ]);
    expect(shown).toContain('shop.psk');
    expect(shown).not.toContain(FIRST_KEY);
    await project.up(wanted(true), signal());
    expect(await standing()).toContain(`psk=${FIRST_KEY}`);
    expect(await pending(true)).toEqual([]);
    expect(JSON.stringify(await project.engine.observe(signal()))).not.toContain(FIRST_KEY);
    expect(JSON.stringify(await project.engine.status(signal()))).not.toContain(FIRST_KEY);
  });

  it('are made anew with another key, stay without its file, and lose it with the file’s own word', async () => {
    await writeFile(keyFile, `${SECOND_KEY}\n`);
    const steps = await pending(true);
    expect(steps.map(({ change, impact }) => [change.action, impact])).toEqual([['replace', 'brief-loss']]);
    expect(JSON.stringify(steps)).not.toContain('secret');
    await project.up(wanted(true), signal());
    expect(await standing()).toContain(`psk=${SECOND_KEY}`);

    await rm(keyFile);
    const failure = await project.up(wanted(true), signal()).catch((error: unknown) => String(error));
    expect(failure).toContain('could not be read');
    expect(failure).not.toContain('secret');
    expect(await standing()).toContain(`psk=${SECOND_KEY}`);

    await project.up(wanted(false), signal());
    expect(await standing()).not.toContain('psk');
    expect(await pending(false)).toEqual([]);
  });

  it('are made by the lines that a person types', async () => {
    await writeFile(keyFile, `${FIRST_KEY}\n`, { mode: 0o600 });
    for (const { change } of await pending(true)) {
      for (const line of project.engine.commandsFor(change)) await host.type(line);
    }
    expect(await standing()).toContain(`psk=${FIRST_KEY}`);
    expect(await pending(true)).toEqual([]);
  });
});
