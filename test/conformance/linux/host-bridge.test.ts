import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';
import { LAN } from './uplink-topology.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const web1 = machine('web1');
const BRIDGE = LAN.networks.find(({ name }) => name === 'lan')?.interfaceName ?? '';

describe.skipIf(reason !== undefined)('a bridge that the host’s own configuration makes', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const signal = AbortSignal.timeout(60_000);

  beforeEach(() => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host, peers: [] });
  });
  afterEach(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  /** As the host's tool does at boot, from what `passerelle export` printed. */
  async function bootWithExport(): Promise<void> {
    const [part] = (await engine.hostBridges?.(LAN, signal)) ?? [];
    const { bridge = '', nic = '', mac = '', addresses = [], routes = [] } = part ?? {};
    const lines = [
      `link add ${bridge} address ${mac} type bridge stp_state 0`,
      `address flush dev ${nic} scope global`,
      `-6 route flush default`,
      `link set ${nic} master ${bridge}`,
      `link set ${bridge} up`,
      ...addresses.map(
        (address) => `address add ${address} dev ${bridge}${address.includes(':') ? ' nodad' : ''}`,
      ),
      ...routes.map(
        ({ family, destination, gateway = '' }) =>
          `-${family} route replace ${destination} via ${gateway} dev ${bridge}`,
      ),
    ];
    for (const line of lines) lab.must(lab.host, `ip ${line}`);
  }

  it('is described by the NIC before it is there', async () => {
    const [part] = (await engine.hostBridges?.(LAN, signal)) ?? [];
    expect(part).toMatchObject({
      network: 'lan',
      bridge: BRIDGE,
      nic: 'lan0',
      ipv4Dhcp: false,
      ipv6Auto: false,
      addresses: ['192.0.2.2/24', '2001:db8:2::2/64'],
      routes: [
        { family: 4, destination: 'default', gateway: '192.0.2.1' },
        { family: 6, destination: 'default', gateway: '2001:db8:2::1' },
      ],
    });
  });

  it('is described the same once it is ours', async () => {
    const [before] = (await engine.hostBridges?.(LAN, signal)) ?? [];
    await converge(engine, LAN);
    const [after] = (await engine.hostBridges?.(LAN, signal)) ?? [];
    expect(after).toEqual(before);
  });

  it('is used as it is, and left standing', async () => {
    await bootWithExport();
    expect(lab.pings(lab.host, '203.0.113.9')).toBe(true);
    const before = lab.dump();
    expect(await engine.preflight(LAN, signal)).toEqual([]);
    await converge(engine, LAN);
    expect(await engine.preflight(LAN, signal)).toEqual([]);
    expect((await planFor(engine, LAN)).steps).toEqual([]);
    lab.must(web1, 'ip address add 192.0.2.77/24 dev eth0');
    expect(lab.pings(web1, '192.0.2.1')).toBe(true);
    expect(lab.pings(web1, '192.0.2.2')).toBe(true);
    await converge(engine, undefined);
    expect(lab.dump()).toBe(before);
    expect(lab.pings(lab.host, '203.0.113.9')).toBe(true);
  });

  it('is marked by the commands that the plan prints, neither made nor removed', async () => {
    const typed = async (wanted: typeof LAN | undefined): Promise<string> => {
      const { steps } = await planFor(engine, wanted);
      const lines = steps.flatMap(({ change }) => engine.commandsFor(change));
      return lines.filter((line) => new RegExp(`${BRIDGE}|lan0`).test(line)).join('\n');
    };
    await bootWithExport();
    const made = await typed(LAN);
    expect(made).not.toMatch(new RegExp(`link add name ${BRIDGE}|link set dev ${BRIDGE}|lan0 nomaster`));
    expect(made).toContain(
      `ip link property add dev ${BRIDGE} altname passerelle:${PROJECT}:host-bridge:lan`,
    );
    expect(made).toContain(`ip link property add dev lan0 altname passerelle:${PROJECT}:host-uplink:lan`);
    await converge(engine, LAN);
    const removed = await typed(undefined);
    expect(removed).not.toMatch(new RegExp(`link (?:delete|set)[^\n]* ${BRIDGE}(?: down)?$`, 'm'));
    expect(removed).toContain(
      `ip link property del dev ${BRIDGE} altname passerelle:${PROJECT}:host-bridge:lan`,
    );
  });

  it('is refused when it is not as the file says, or has no uplink', async () => {
    await bootWithExport();
    const wanting = (wish: object): ReturnType<typeof topologyOf> =>
      topologyOf(PROJECT, [{ name: 'lan', mode: 'bridge', ...wish }], {});
    const codes = async (wish: object): Promise<string[]> =>
      (await engine.preflight(wanting(wish), signal)).map(({ code }) => code);
    expect(await codes({ options: { stp: true } })).toEqual(['linux/host-bridge-differs']);
    expect(await codes({ mode: 'isolated' })).toEqual(['linux/interface-name-taken']);
    lab.must(lab.host, 'ip link set lan0 nomaster');
    expect(await codes({})).toContain('linux/interface-name-taken');
  });

  it('has the MTU of its uplink', async () => {
    lab.must(lab.host, 'ip link set lan0 mtu 1400');
    expect((await engine.preflight(LAN, signal)).map(({ code, fix }) => `${code} ${fix}`)).toEqual([
      'linux/uplink-mtu write `mtu: 1400`',
    ]);
  });
});
