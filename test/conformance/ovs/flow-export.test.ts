/** Flow records as collectors receive them, of traffic between two machines. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsrecords';
const PORTS = { sflow: 6343, netflow: 2055, ipfix: 4739 } as const;
type Protocol = keyof typeof PORTS;
/** How each protocol's datagram begins: its version. */
const VERSIONS: Readonly<Record<Protocol, string>> = { sflow: '00000005', netflow: '0005', ipfix: '000a' };
/** 10.92.0.11 and 10.92.0.12, one after the other, as in an IP header and in the records. */
const FLOW = '0a5c000b0a5c000c';
const HEARING_SECONDS = 6;

describe.skipIf(lacking !== undefined)('flow records', () => {
  let host: OvsHost;
  let project: OvsProject;
  const subnet = { ipv4: { address: '10.92.0.0', prefixLength: 24, gateway: '10.92.0.1' } };
  const lab = (options: Record<string, unknown>) =>
    network(PROJECT, 'lab', 'isolated', { ...subnet, options });
  const wanted = (options: Record<string, unknown>) => {
    const on = lab(options);
    const machines = ['a', 'b'].map((name, index) =>
      nic(PROJECT, name, 0, on, { ipv4: `10.92.0.${11 + index}`, options: { attach: 'netns' } }),
    );
    return topology(PROJECT, [on], machines);
  };
  const collectors = Object.fromEntries(
    Object.entries(PORTS).map(([protocol, port]) => [protocol, `198.51.100.2:${port}`]),
  );

  beforeAll(async () => {
    host = await OvsHost.start();
    await host.addNamespace(`${host.namespace}-lan`);
    await host.type(
      [
        `ip link add lan0 type veth peer name eth0 netns ${host.namespace}-lan`,
        'ip address add 198.51.100.1/24 dev lan0; ip link set lan0 up',
        `ip -n ${host.namespace}-lan address add 198.51.100.2/24 dev eth0`,
        `ip -n ${host.namespace}-lan link set eth0 up`,
        // A flow that is idle is told of soon.
        'ovs-vsctl set Open_vSwitch . other_config:max-idle=500',
      ].join('; '),
    );
    project = await OvsProject.create(PROJECT, host);
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    if (host !== undefined) await host.deleteNamespace(`${host.namespace}-lan`);
    await host?.[Symbol.asyncDispose]();
  });

  /** What arrives at a collector in some seconds, as hexadecimal digits. */
  async function heard(protocol: Protocol): Promise<string> {
    const listen = `timeout ${HEARING_SECONDS} socat -u UDP4-RECV:${PORTS[protocol]} STDOUT | od -An -v -tx1 | tr -d ' \\n'`;
    return host.run('ip', 'netns', 'exec', `${host.namespace}-lan`, 'sh', '-c', listen);
  }

  async function ping(): Promise<void> {
    const inside = `passerelle:${PROJECT}:ovs-machine:a`;
    await host.run(
      ...(['ip', 'netns', 'exec', inside, 'ping', '-c', '8', '-i', '0.2', '10.92.0.12'] as const),
    );
  }

  it('reach the collectors of the file, and name who spoke with whom', async () => {
    const all = wanted({ ...collectors, sampling: 1 });
    await project.up(all, signal());
    expect((await project.plan(project.engine.desire(all), signal())).steps).toEqual([]);
    const hearing = Promise.all(
      (Object.keys(PORTS) as Protocol[]).map(async (each) => [each, await heard(each)]),
    );
    await sleep(500);
    await ping();
    for (const [protocol, digits = ''] of (await hearing) as [Protocol, string][]) {
      expect(digits.slice(0, 8), protocol).toMatch(new RegExp(`^${VERSIONS[protocol]}`, 'u'));
      expect(digits, protocol).toContain(FLOW);
    }
  });

  it('change and end by the file, and those of others stay', async () => {
    const changed = await project.up(wanted({ sflow: '198.51.100.2:7000' }), signal());
    expect(changed.steps.map(({ change, impact }) => `${change.action} ${impact}`).sort()).toEqual([
      'delete live',
      'delete live',
      'update live',
    ]);
    expect(await host.run('ovs-vsctl', '--bare', '--columns=targets', 'list', 'sFlow')).toBe(
      '198.51.100.2:7000\n',
    );
    expect(await host.run('ovs-vsctl', 'list', 'NetFlow')).toBe('');
    const bridge = lab({}).interfaceName;
    await host.type(
      `ovs-vsctl -- --id=@n create NetFlow targets='"198.51.100.2:9000"' -- set Bridge ${bridge} netflow=@n`,
    );
    await project.up(wanted({}), signal());
    expect(await host.run('ovs-vsctl', 'list', 'sFlow')).toBe('');
    expect(await host.run('ovs-vsctl', '--bare', '--columns=targets', 'list', 'NetFlow')).toBe(
      '198.51.100.2:9000\n',
    );
  });
});
