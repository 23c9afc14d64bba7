/** A bond of uplinks against another Open vSwitch that bonds its end (this kernel has no bonding driver). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { impactByMachine } from '../../../src/plan/plan.js';
import type { Topology } from '../../../src/topology/topology.js';
import { sendWholeChecksums } from '../../lab/offloads.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovsbond';
const GATEWAY = '198.51.100.2';
/** NICs of the host; each leads to a port of the switch, `eth1` to `p1`. */
const CABLED = ['eth1', 'eth2', 'eth3'];
const IN_MACHINE = `passerelle:${PROJECT}:ovs-machine:a`;

describe.skipIf(lacking !== undefined)('a bond of uplinks of the ovs engine', () => {
  let host: OvsHost;
  let peer: OvsHost;
  let project: OvsProject;

  function wanted(members: readonly string[], mode = 'balance-tcp', lacp = 'active'): Topology {
    const office = network(PROJECT, 'office', 'bridge', {
      uplink: members[0]!,
      options: members.length > 1 ? { bond: { members, mode, lacp } } : {},
    });
    const a = nic(PROJECT, 'a', 0, office, { options: { attach: 'netns' }, antiSpoofing: false });
    return topology(PROJECT, [office], [a]);
  }

  async function pending(of: Topology): Promise<string[]> {
    const plan = await project.plan(project.engine.desire(of), signal());
    return plan.steps.map(({ change }) => (change.action === 'delete' ? change.before.id : change.after.id));
  }

  /** Pings the gateway ten times a second. @returns how many went unanswered. */
  async function lostOf(count: number, from?: string): Promise<number> {
    const ping = `ping -i 0.1 -c ${count} -W 1 ${GATEWAY} || true`;
    const printed = await host.type(from === undefined ? ping : `ip netns exec ${from} ${ping}`);
    return count - Number(/(\d+) received/u.exec(printed)?.[1]);
  }

  async function untilAnswered(): Promise<void> {
    for (let lost = 1; lost > 0; ) lost = await lostOf(1);
  }

  /** Members whose LACP talk is up to date, as the far end sees it. */
  async function agreedAtPeer(): Promise<string[]> {
    const shown = await peer.run('ovs-appctl', 'lacp/show', 'trunk0');
    return [...shown.matchAll(/^(?:slave|member): (\w+): current attached/gmu)]
      .map(([, name]) => name!)
      .sort();
  }

  async function sentBy(device: string): Promise<number> {
    return Number(await host.run('cat', `/sys/class/net/${device}/statistics/tx_packets`));
  }

  beforeAll(async () => {
    host = await OvsHost.start();
    peer = await OvsHost.start();
    for (const name of CABLED) {
      const far = name.replace('eth', 'p');
      await host.type(`ip link add ${name} type veth peer name ${far} netns ${peer.namespace}`);
      sendWholeChecksums(host.namespace, name);
      sendWholeChecksums(peer.namespace, far);
      await peer.type(
        `ip link set ${far} up; nft 'add table netdev wire; add chain netdev wire ${far} { type filter hook ingress device ${far} priority 0 ; policy drop ; }'`,
      );
    }
    await host.type(
      `ip link add eth8 type veth peer name x8; ip link add eth9 type veth peer name x9; ip address add 198.51.100.1/24 dev eth1; ip link set eth1 up; ip route add default via ${GATEWAY}`,
    );
    await peer.type(
      'ovs-vsctl add-br lan -- set Bridge lan datapath_type=netdev -- add-bond lan trunk0 p1 p2 p3 bond_mode=balance-tcp lacp=passive other_config:lacp-time=fast other_config:lacp-fallback-ab=true',
    );
    await peer.type(`ip address add ${GATEWAY}/24 dev lan; ip link set lan up`);
    project = await OvsProject.create(PROJECT, host, { commitLimitMs: 10_000, peers: [] });
    await untilAnswered();
  });
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await peer?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  it('both ends agree by LACP, host and machine live on it, and connections go by both members', async () => {
    await project.up(wanted(['eth1', 'eth2']), signal());
    expect(await pending(wanted(['eth1', 'eth2']))).toEqual([]);
    await expect.poll(agreedAtPeer, { timeout: 10_000 }).toEqual(['p1', 'p2']);
    // What let the host in before it spoke LACP would later take a member that went for one that works.
    await peer.type('ovs-vsctl remove Port trunk0 other_config lacp-fallback-ab');
    const { notes } = await project.engine.status(signal());
    expect(notes).toContain(
      'the uplink of office is a bond of eth1, eth2 (balance-tcp): LACP is agreed on all of them',
    );
    await host.type(
      `ip -n ${IN_MACHINE} address add 198.51.100.11/24 valid_lft 3000 preferred_lft 3000 dev $(ip -n ${IN_MACHINE} -br link | sed -n 's/^\\(psl[^ @]*\\).*/\\1/p')`,
    );
    expect(await lostOf(5)).toBe(0);
    expect(await lostOf(5, IN_MACHINE)).toBe(0);
    // Connections are spread anew every ten seconds, by what they carry.
    const speak = [
      'import socket, time',
      'def speaker(port):',
      ' s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
      ' s.bind(("", port))',
      ' return s',
      'speakers = [speaker(port) for port in range(5000, 5064)]',
      'for _ in range(250):',
      ` [s.sendto(bytes(1000), ("${GATEWAY}", 9)) for s in speakers]`,
      ' time.sleep(0.1)',
    ].join('\n');
    const speaking = host.run('ip', 'netns', 'exec', IN_MACHINE, 'python3', '-c', speak);
    const both = async () => {
      const before = [await sentBy('eth1'), await sentBy('eth2')];
      await sleep(1000);
      return Math.min((await sentBy('eth1')) - before[0]!, (await sentBy('eth2')) - before[1]!);
    };
    await expect.poll(both, { timeout: 24_000 }).toBeGreaterThan(100);
    await speaking;
  });

  it('a member is cut: traffic goes on, also when the link only falls silent', async () => {
    const pinging = lostOf(40, IN_MACHINE);
    await sleep(500);
    await peer.type('ip link set p1 down');
    const lost = await pinging;
    console.log(`carrier of one member lost: ${lost} of 40 pings at 0.1 s`);
    expect(lost).toBeLessThan(10);
    await peer.type('ip link set p1 up');
    await expect.poll(agreedAtPeer, { timeout: 10_000 }).toEqual(['p1', 'p2']);

    // Both links stay up, and nothing passes on one: only LACP can tell.
    const silence = lostOf(100, IN_MACHINE);
    await sleep(500);
    await host.type(
      "nft 'add table netdev mute; add chain netdev mute out { type filter hook egress device eth2 priority 0 ; policy drop ; }'",
    );
    await peer.type(
      "nft 'add table netdev mute; add chain netdev mute out { type filter hook egress device p2 priority 0 ; policy drop ; }'",
    );
    const unheard = await silence;
    console.log(`one member silent: ${unheard} of 100 pings at 0.1 s`);
    expect(unheard).toBeLessThan(70);
    expect(await lostOf(10, IN_MACHINE)).toBe(0);
    await host.type('nft delete table netdev mute');
    await peer.type('nft delete table netdev mute');
    // A member that was given up is asked every 30 s only (IEEE 802.1AX, 6.4.4, slow periodic time).
    await expect.poll(agreedAtPeer, { timeout: 45_000, interval: 1000 }).toEqual(['p1', 'p2']);
  });

  it('a member comes and another goes, live, and the one that went is the host’s again', async () => {
    const grown = wanted(['eth1', 'eth2', 'eth3']);
    const pinging = lostOf(30, IN_MACHINE);
    const plan = await project.up(grown, signal());
    expect(impactByMachine(plan).get('a')).toBe('live');
    expect(plan.steps.map(({ change }) => change.action)).toEqual(['update']);
    expect(await pinging).toBeLessThan(5);
    await expect.poll(agreedAtPeer, { timeout: 10_000 }).toEqual(['p1', 'p2', 'p3']);

    await project.up(wanted(['eth2', 'eth3']), signal());
    await expect.poll(agreedAtPeer, { timeout: 10_000 }).toEqual(['p2', 'p3']);
    expect(await lostOf(5, IN_MACHINE)).toBe(0);
    const shields = await host.run('nft', 'list', 'table', 'netdev', `passerelle.${PROJECT}.ovs`);
    expect(shields).toContain('in-eth3');
    expect(shields).not.toContain('in-eth1');
    expect(await host.run('ip', '-br', 'link', 'show', 'dev', 'eth1')).toContain('DOWN');
  });

  it('a member that died is taken in again', async () => {
    const { namespace } = peer;
    await host.type('ip link delete eth3');
    await host.type(`ip link add eth3 type veth peer name p3 netns ${namespace}; ip link set eth3 up`);
    sendWholeChecksums(host.namespace, 'eth3');
    sendWholeChecksums(namespace, 'p3');
    await peer.type('ip link set p3 up; ovs-vsctl del-bond-iface trunk0 p3');
    await peer.type('ovs-vsctl add-bond-iface trunk0 p3');
    expect(await pending(wanted(['eth2', 'eth3']))).toContain('ovs/uplink/office');
    await project.up(wanted(['eth2', 'eth3']), signal());
    expect(await pending(wanted(['eth2', 'eth3']))).toEqual([]);
    await expect.poll(agreedAtPeer, { timeout: 10_000 }).toEqual(['p2', 'p3']);
  });

  it('NICs by which the gateway is not found are put back, and the bond is as it was', async () => {
    await expect(project.up(wanted(['eth8', 'eth9']), signal())).rejects.toThrow(
      /198\.51\.100\.2 did not answer any more, so it was put back as it was/u,
    );
    expect(await pending(wanted(['eth2', 'eth3']))).toEqual([]);
    await expect.poll(agreedAtPeer, { timeout: 10_000 }).toEqual(['p2', 'p3']);
    expect(await lostOf(5, IN_MACHINE)).toBe(0);
  });

  it('another mode, one NIC of it, and down: the first member has the host’s life', async () => {
    // A plain switch, which knows of no bond.
    await peer.type('ovs-vsctl del-port lan trunk0');
    await peer.type('ovs-vsctl add-port lan p2 -- add-port lan p3');
    await project.up(wanted(['eth2', 'eth3'], 'active-backup', 'off'), signal());
    expect(await pending(wanted(['eth2', 'eth3'], 'active-backup', 'off'))).toEqual([]);
    await untilAnswered();
    await project.up(wanted(['eth2']), signal());
    expect(await host.run('ovs-vsctl', '--bare', '--columns=bond_mode', 'find', 'Port', 'name=eth2')).toBe(
      '\n',
    );
    await untilAnswered();
    await project.up(wanted(['eth2', 'eth3'], 'active-backup', 'off'), signal());
    await project.down(signal());
    expect(await host.run('ip', '-br', '-4', 'address', 'show', 'dev', 'eth2')).toContain('198.51.100.1/24');
    expect(await host.run('ovs-vsctl', 'list-br')).toBe('');
    await untilAnswered();
  });
});
