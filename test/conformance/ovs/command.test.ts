/** What a person types, with the built command, on a host with an Open vSwitch of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FramePort } from './frame-port.js';
import { note } from './frames.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';

const lacking = lackingForOvs();
const PASSERELLE = fileURLToPath(new URL('../../../bin/passerelle', import.meta.url));
const FILE = `
project: ovstyped
engine: ovs
networks:
  lan: { mode: isolated, portgroups: { desks: { vlan: 10, anti-spoofing: false } } }
  out: { mode: bridge, uplink: lan0 }
machines:
  desk1: { nics: [{ network: lan, portgroup: desks }] }
  desk2: { nics: [{ network: lan, portgroup: desks }, { network: out }] }
`;

describe.skipIf(lacking !== undefined)('the command on ovs', () => {
  let host: OvsHost;
  let file: string;

  beforeAll(async () => {
    host = await OvsHost.start();
    file = join(host.directory, 'passerelle.yaml');
    await writeFile(file, FILE);
    await host.type('ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up');
    await passerelle('validate');
  });
  afterAll(async () => {
    if (file !== undefined) await passerelle('down', '--purge').catch(() => undefined);
    await host?.[Symbol.asyncDispose]();
  });

  function words(verb: string, more: readonly string[]): string[] {
    const places = [`XDG_RUNTIME_DIR=${host.directory}/run`, `XDG_STATE_HOME=${host.directory}/state`];
    return ['env', ...places, PASSERELLE, verb, '-f', file, ...more];
  }

  async function passerelle(verb: string, ...more: string[]): Promise<string> {
    const [program = '', ...rest] = words(verb, more);
    return host.run(program, ...rest);
  }

  it('the first up of a bridge network asks for no --allow-disruption', async () => {
    const said = await passerelle('up');
    expect(said).toContain('desk1');
    expect(await host.run('ovs-vsctl', 'list-br')).not.toBe('');
  });

  it('captures a whole network, with the VLANs of its frames, and leaves no mirror', async () => {
    const taps = (await host.type('ovs-vsctl --bare --columns=name find Port tag=10'))
      .split(/\s+/u)
      .filter(Boolean);
    expect(taps).toHaveLength(2);
    await using machine = await FramePort.open(host.namespace, taps[0]!, 'tap');
    const captured = join(host.directory, 'lan.pcapng');
    const argv = ['netns', 'exec', host.namespace, ...words('capture', ['lan', '--output', captured])];
    const capturing = spawn('ip', argv, { env: host.environment, stdio: 'ignore' });
    const ended = once(capturing, 'exit');
    const frame = note({ from: '52:54:00:00:00:07', tags: [10] }, 'to be captured').subarray(0, 60);
    await expect
      .poll(
        async () => {
          machine.send(note({ from: '52:54:00:00:00:07' }, 'to be captured'));
          return (await readFile(captured).catch(() => Buffer.alloc(0))).includes(frame);
        },
        { timeout: 20_000, interval: 200 },
      )
      .toBe(true);
    capturing.kill('SIGINT');
    expect((await ended)[0]).toBe(0);
    expect(await host.run('ovs-vsctl', '--bare', '--columns=name', 'list', 'Mirror')).toBe('');
    expect(await passerelle('plan')).toContain('nothing to do');
  });

  it('down leaves nothing', async () => {
    await passerelle('down', '--purge');
    expect(await host.run('ovs-vsctl', 'list-br')).toBe('');
    expect(await host.run('nft', 'list', 'tables')).toBe('');
  });
});
