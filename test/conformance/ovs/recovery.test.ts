import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrivals, FramePort } from './frame-port.js';
import { note } from './frames.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, subnets, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsrecover';

describe.skipIf(lacking !== undefined)('what goes wrong under the ovs engine', () => {
  const web = network(PROJECT, 'web', 'nat', subnets(51));
  const back = network(PROJECT, 'back', 'isolated', subnets(52));
  const a = nic(PROJECT, 'a', 0, web, { ipv4: '10.51.0.11' });
  const b = nic(PROJECT, 'b', 0, web, {
    ipv4: '10.51.0.12',
    options: { attach: 'netns', 'rate-limit': '50mbit' },
  });
  const c = nic(PROJECT, 'c', 0, back, { ipv4: '10.52.0.13', options: { 'rate-limit-in': '30mbit' } });
  const wanted = topology(PROJECT, [back, web], [a, b, c]);
  const inB = `passerelle:${PROJECT}:ovs-machine:b`;
  let host: OvsHost;
  let project: OvsProject;

  beforeEach(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    await project.up(wanted, signal());
  });
  afterEach(async () => {
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  async function frameFromTapArrives(): Promise<void> {
    await using machine = await FramePort.open(host.namespace, a.interfaceName, 'tap');
    await using peer = await FramePort.open(inB, b.interfaceName);
    await arrivals(machine, peer, note({ from: a.mac }, 'from a'), []);
    await arrivals(peer, machine, note({ from: b.mac }, 'from b'), []);
  }

  async function pending(): Promise<string[]> {
    const plan = await project.plan(project.engine.desire(wanted), signal());
    return plan.steps.map(
      ({ change }) => `${change.action} ${change.action === 'delete' ? change.before.id : change.after.id}`,
    );
  }

  it('ovs-vswitchd killed and started: its flows and the gateway are gone; up puts them right', async () => {
    await frameFromTapArrives();
    await host.stop('ovs-vswitchd', 'SIGKILL');
    await host.startSwitch();
    await host.run('ovs-vsctl', '--timeout=10', 'set', 'Open_vSwitch', '.', 'external_ids:touched=yes');
    const lost = await pending();
    expect(lost).toEqual(
      expect.arrayContaining([
        'create ovs/rules/a/0',
        'create ovs/rules/web',
        'create ovs/inside/b/0',
        'create ovs/inside/back',
      ]),
    );
    await project.up(wanted, signal());
    expect(await pending()).toEqual([]);
    await frameFromTapArrives();
    await host.run('ip', 'netns', 'exec', inB, 'ping', '-c', '1', '-W', '2', '10.51.0.1');
  });

  it('ovs-vswitchd not running: up says so, and nothing is pending once it runs', async () => {
    await host.stop('ovs-vswitchd');
    const grown = topology(
      PROJECT,
      [back, web],
      [a, b, c, nic(PROJECT, 'd', 0, web, { ipv4: '10.51.0.14' })],
    );
    const failure = await project.up(grown, signal()).catch((error: unknown) => String(error));
    expect(failure).toContain('ovs-vswitchd has not acted');
    await host.startSwitch();
    await project.up(wanted, signal());
    expect(await pending()).toEqual([]);
  }, 120_000);

  it('a tap deleted by hand is made again, and its port with it', async () => {
    await host.run('ip', 'link', 'delete', 'dev', a.interfaceName);
    expect(await pending()).toEqual(['create ovs/tap/a/0', 'replace ovs/port/a/0']);
    await project.up(wanted, signal());
    expect(await pending()).toEqual([]);
    await frameFromTapArrives();
  });

  it('a tap deleted and made again by hand: its port looks well in OVSDB, and is found dead', async () => {
    const { interfaceName } = a;
    const altname = (await host.run('ip', 'link', 'show', 'dev', interfaceName)).match(/altname (\S+)/u)![1]!;
    await host.type(
      `ip link delete dev ${interfaceName}; ip tuntap add dev ${interfaceName} mode tap; ip link property add dev ${interfaceName} altname ${altname}; ip link set ${interfaceName} up`,
    );
    expect(await host.run('ovs-vsctl', 'get', 'Interface', interfaceName, 'error')).toBe('[]\n');
    expect(await pending()).toContain('replace ovs/port/a/0');
    await project.up(wanted, signal());
    await frameFromTapArrives();
  });

  it('rows changed by hand are put right, and rows of others are left alone', async () => {
    await host.type(
      [
        `ovs-vsctl set Port ${a.interfaceName} tag=99`,
        `ovs-vsctl set Bridge ${web.interfaceName} fail_mode=standalone rstp_enable=true`,
        'ovs-vsctl add-br mine -- set Bridge mine datapath_type=netdev external_ids:passerelle-project=another',
        `ovs-vsctl add-port ${web.interfaceName} guest0 -- set Interface guest0 type=internal`,
        `ovs-ofctl add-flow ${web.interfaceName} priority=7,tcp,actions=NORMAL`,
      ].join('; '),
    );
    expect(await pending()).toEqual(expect.arrayContaining(['update ovs/bridge/web', 'update ovs/port/a/0']));
    await project.up(wanted, signal());
    expect(await pending()).toEqual([]);
    expect((await host.run('ovs-vsctl', 'list-ports', web.interfaceName)).split('\n')).toContain('guest0');
    await project.down(signal());
    expect(await host.run('ovs-vsctl', 'list-br')).toBe('mine\n');
  });

  it('a name that is taken: refused as one, with the reason, and put back', async () => {
    const d = nic(PROJECT, 'd', 0, web, { ipv4: '10.51.0.14' });
    await host.type(
      `ovs-vsctl add-br other -- set Bridge other datapath_type=netdev -- add-port other ${d.interfaceName}`,
    );
    const grown = topology(PROJECT, [back, web], [a, b, c, d]);
    const before = await host.run('ovs-vsctl', 'show');
    const failure = await project.up(grown, signal()).catch((error: unknown) => String(error));
    expect(failure).toMatch(/constraint violation|Transaction causes/u);
    expect(failure).toContain('everything was put back');
    expect(await host.run('ovs-vsctl', 'show')).toBe(before.replace(/\n {16}error: .*/gu, ''));
    expect(await pending()).toEqual([]);
  });

  it('a datapath that the kernel lacks: said, and nothing is left of it', async () => {
    const kernel = network(PROJECT, 'kernel', 'isolated', { options: { datapath: 'system' } });
    const grown = topology(PROJECT, [back, kernel, web], [a, b, c]);
    const failure = await project.up(grown, signal()).catch((error: unknown) => String(error));
    expect(failure).toContain('this kernel has no such datapath');
    expect(failure).toContain('everything was put back');
    expect(await pending()).toEqual([]);
  });

  it('no database server: said before anything is touched', async () => {
    await host.stop('ovsdb-server');
    const problems = await project.engine.preflight(wanted, signal());
    expect(problems.map(({ code }) => code)).toEqual(['ovsdb/unreachable']);
    const findings = await project.engine.doctor(signal());
    expect(findings.find(({ subject }) => subject === 'ovsdb-server')).toMatchObject({ state: 'missing' });
    await host.startDatabase();
  });

  it('ovsdb-server killed and started: the next plan is empty', async () => {
    await host.stop('ovsdb-server', 'SIGKILL');
    const waiting = pending();
    await host.startDatabase();
    expect(await waiting).toEqual([]);
  });
});
