import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/plan/resource.js';
import type { Network, Nic, Topology } from '../../../src/topology/topology.js';
import {
  meshTunnels,
  networkIdentifiers,
  overlayMtuBytes,
  type TunnelHost,
  type TunnelType,
} from '../../../src/engines/ovs/tunnels.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const IDENTIFIER = networkIdentifiers('mesh', ['lab']).get('lab')!;

/** One server: its own Open vSwitch, the underlay NIC in a bridge of the userspace datapath, its share of the project. */
interface Server extends TunnelHost {
  readonly host: OvsHost;
  readonly project: OvsProject;
  readonly network: Network;
  readonly peer: string;
}

describe.skipIf(lacking !== undefined)('one network over many hosts', () => {
  const servers: Server[] = [];
  let outside: OvsHost;

  async function join(name: string, address: string): Promise<Server> {
    const host = await OvsHost.start();
    const peer = `w${address.split('.').at(-1)}`;
    await outside.type(
      `ip link add ${peer} type veth peer name eth0 netns ${host.namespace}; ip link set ${peer} master wire0 up`,
    );
    await host.turnOffloadsOff(host.namespace, 'eth0');
    await host.type(
      // Where the userspace datapath finds its tunnels' way out: the address is on a bridge of its own.
      'ovs-vsctl add-br phy0 -- set Bridge phy0 datapath_type=netdev -- add-port phy0 eth0; ip link set eth0 up',
    );
    await host.type(`ip address add ${address}/24 dev phy0; ip link set phy0 up`);
    const project = await OvsProject.create(`mesh-${name}`, host);
    const lab = network(project.name, 'lab', 'isolated', {
      mtuBytes: overlayMtuBytes(1500, [{ name, address }]),
    });
    const server = { name, address, host, project, network: lab, peer };
    servers.push(server);
    return server;
  }

  beforeAll(async () => {
    outside = await OvsHost.start({ switching: false });
    await outside.type('ip link add wire0 type bridge; ip link set wire0 up');
    for (const [index, name] of ['kvm1', 'kvm2', 'kvm3'].entries()) await join(name, `192.0.2.${index + 1}`);
  });
  afterAll(async () => {
    for (const { project, host } of servers) {
      await project[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    }
    await outside?.[Symbol.asyncDispose]();
  });

  function machine(server: Server, name: string, ipv4: string): Nic {
    return nic('mesh', name, 0, server.network, { ipv4, options: { attach: 'netns' } });
  }

  function share(server: Server, nics: readonly Nic[]): Topology {
    const subnet = { address: '10.90.0.0', prefixLength: 24, gateway: '10.90.0.1' };
    return topology(server.project.name, [{ ...server.network, ipv4: subnet }], nics);
  }

  function desired(
    server: Server,
    nics: readonly Nic[],
    hosts: readonly TunnelHost[],
    type: TunnelType,
  ): Resource[] {
    return [
      ...server.project.engine.desire(share(server, nics)),
      ...meshTunnels({
        project: 'mesh',
        network: server.network,
        type,
        identifier: IDENTIFIER,
        hosts,
        self: server.name,
      }),
    ];
  }

  const inside = (server: Server, name: string) => `passerelle:${server.project.name}:ovs-machine:${name}`;

  async function ping(server: Server, from: string, to: string, ...more: readonly string[]): Promise<string> {
    return server.host.run(
      'ip',
      'netns',
      'exec',
      inside(server, from),
      'ping',
      '-c',
      '1',
      '-W',
      '2',
      ...more,
      to,
    );
  }

  it.each(['vxlan', 'geneve'] as const)(
    'machines of three hosts are neighbours over %s, at the full MTU',
    async (type) => {
      const [first, second, third] = servers as [Server, Server, Server];
      const machines: [Server, Nic][] = [
        [first, machine(first, 'a', '10.90.0.11')],
        [second, machine(second, 'b', '10.90.0.12')],
        [third, machine(third, 'c', '10.90.0.13')],
      ];
      for (const [server, each] of machines)
        await server.project.upTo(desired(server, [each], servers, type), signal());
      await ping(first, 'a', '10.90.0.12');
      await ping(first, 'a', '10.90.0.13');
      await ping(second, 'b', '10.90.0.13');
      // 1450 bytes of IP, told not to be fragmented.
      await ping(first, 'a', '10.90.0.13', '-M', 'do', '-s', '1422');
      await expect(ping(first, 'a', '10.90.0.13', '-M', 'do', '-s', '1423')).rejects.toThrow(
        /Command failed/,
      );
      for (const [server, each] of machines) {
        expect((await server.project.plan(desired(server, [each], servers, type), signal())).steps).toEqual(
          [],
        );
      }
    },
  );

  it('a host is cut off and comes back', async () => {
    const [first, , third] = servers as [Server, Server, Server];
    await outside.run('ip', 'link', 'set', third.peer, 'down');
    await expect(ping(first, 'a', '10.90.0.13')).rejects.toThrow(/Command failed/);
    await ping(first, 'a', '10.90.0.12');
    await outside.run('ip', 'link', 'set', third.peer, 'up');
    await ping(first, 'a', '10.90.0.13', '-c', '5', '-i', '0.2');
  });

  it('a machine moves to another host with its address, and is found by its first frame', async () => {
    const [first, second, third] = servers as [Server, Server, Server];
    await ping(third, 'c', '10.90.0.11');
    await first.project.upTo(desired(first, [], servers, 'geneve'), signal());
    const both = [machine(second, 'b', '10.90.0.12'), machine(second, 'a', '10.90.0.11')];
    await second.project.upTo(desired(second, both, servers, 'geneve'), signal());
    // What a machine says when it starts (RFC 5227, 3): here by a ping, elsewhere by DHCP or a gratuitous ARP.
    await ping(second, 'a', '10.90.0.12');
    await ping(third, 'c', '10.90.0.11', '-W', '1');
  });

  it('a host that joins changes only tunnels; a Linux kernel is a host like the others', async () => {
    const [first, second, third] = servers as [Server, Server, Server];
    const kernel: TunnelHost = { name: 'kernel', address: '192.0.2.9' };
    const grown = [...servers, kernel];
    for (const [server, nics] of [
      [first, []],
      [second, [machine(second, 'b', '10.90.0.12'), machine(second, 'a', '10.90.0.11')]],
      [third, [machine(third, 'c', '10.90.0.13')]],
    ] as const) {
      await server.project.upTo(desired(server, nics, servers, 'vxlan'), signal());
      const plan = await server.project.upTo(desired(server, nics, grown, 'vxlan'), signal());
      expect(
        plan.steps.map(({ change, impact }) => [change.action, impact, 'after' in change && change.after.id]),
      ).toEqual([['create', 'none', 'ovs/tunnel/lab/kernel']]);
    }
    await outside.turnOffloadsOff(outside.namespace, 'wire0');
    await outside.type(
      [
        'ip address add 192.0.2.9/24 dev wire0',
        `ip link add vx0 mtu 1450 type vxlan id ${IDENTIFIER} local 192.0.2.9 dstport 4789`,
        ...servers.map(({ address }) => `bridge fdb append 00:00:00:00:00:00 dev vx0 dst ${address}`),
        'ip address add 10.90.0.19/24 dev vx0',
        'ip link set vx0 up',
      ].join('; '),
    );
    for (const address of ['10.90.0.11', '10.90.0.12', '10.90.0.13'])
      await outside.run('ping', '-c', '1', '-W', '2', address);
    await ping(third, 'c', '10.90.0.19');
  });
});
