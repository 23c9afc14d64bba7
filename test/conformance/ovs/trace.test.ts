import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Nic } from '../../../src/topology/topology.js';
import { arp, icmpv6, ipv4, ipv6, neighbour, note, udp } from './frames.js';
import { during, type Followed } from './followed.js';
import { FramePort } from './frame-port.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';
import { OvsProject } from './project.js';
import { network, nic, subnets, topology } from './topologies.js';

const lacking = lackingForOvs();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovstrace';

describe.skipIf(lacking !== undefined)('trace on the ovs engine', () => {
  const web = network(PROJECT, 'web', 'nat', subnets(42));
  const inside = { attach: 'netns' };
  const eve = nic(PROJECT, 'eve', 0, web, { ipv4: '10.42.0.66', ipv6: 'fd00:42::66', options: inside });
  const alone = { ...inside, isolated: true };
  const bob = nic(PROJECT, 'bob', 0, web, { ipv4: '10.42.0.12', ipv6: 'fd00:42::12', options: alone });
  const eva = nic(PROJECT, 'eva', 0, web, { ipv4: '10.42.0.13', ipv6: 'fd00:42::13', options: alone });
  let host: OvsHost;
  let project: OvsProject;
  const ports: FramePort[] = [];

  beforeAll(async () => {
    host = await OvsHost.start();
    project = await OvsProject.create(PROJECT, host);
    await project.up(topology(PROJECT, [web], [eve, bob, eva]), signal());
  });
  afterAll(async () => {
    for (const port of ports) await port[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  const namespaceOf = ({ machine }: Nic): string => `passerelle:${PROJECT}:ovs-machine:${machine}`;

  async function portOf(machine: Nic): Promise<FramePort> {
    const port = await FramePort.open(namespaceOf(machine), machine.interfaceName);
    ports.push(port);
    return port;
  }

  const followed = (machine: Nic): Followed => ({
    host,
    engine: project.engine,
    nic: machine,
    network: web,
    namespace: namespaceOf(machine),
  });

  it('says of each frame that the guard ends why it does', async () => {
    const port = await portOf(eve);
    const own = { from: eve.mac };
    const message = udp(4000, 5000, Buffer.from('hello'));
    const fates = await during(followed(eve), () => {
      port.send(
        note({ from: '52:54:00:66:66:66' }, 'another MAC'),
        arp(own, 1, { mac: eve.mac, ip: '10.42.0.12' }, '10.42.0.1'),
        arp(own, 2, { mac: bob.mac, ip: '10.42.0.66' }, '10.42.0.1'),
        ipv4(own, '10.42.0.12', '10.42.0.1', 17, message),
        ipv4(own, '10.42.0.66', '255.255.255.255', 17, udp(67, 68, Buffer.alloc(300))),
        ipv6(own, 'fd00:42::12', 'fd00:42::1', 17, message),
        icmpv6(
          own,
          'fd00:42::66',
          'ff02::1',
          Buffer.from([134, 0, 0, 0, 64, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
        icmpv6(own, 'fd00:42::66', 'ff02::1', neighbour(136, 'fd00:42::12', eve.mac)),
      );
    });
    const dropped = fates.filter(({ outcome }) => outcome === 'dropped');
    expect(dropped.map(({ reason }) => reason)).toEqual([
      "it is not from the NIC's own MAC",
      "it claims an IPv4 address that is not the NIC's own",
      "it claims an address for a MAC that is not the NIC's own",
      "its IPv4 source is not the NIC's own address",
      'a machine must not answer as a DHCP server',
      "its IPv6 source is not one of the NIC's own addresses",
      'a machine must not advertise itself as a router, nor redirect',
      "it claims an IPv6 address that is not the NIC's own",
    ]);
    for (const { rule, isOurs } of dropped) {
      expect(isOurs).toBe(true);
      expect(rule).toMatch(new RegExp(`^ovs ${web.interfaceName} table=\\d`, 'u'));
    }
    expect(dropped[3]?.packet).toEqual({
      source: '10.42.0.12',
      target: '10.42.0.1',
      protocol: 'udp',
      sourcePort: 4000,
      targetPort: 5000,
    });
  });

  it('says what the switch does with the rest, and the gateway beyond it', async () => {
    await host.type(
      `nft 'add table inet byhand; add chain inet byhand in { type filter hook input priority 5; }'
       nft add rule inet byhand in icmp type echo-request meta length 1328 drop`,
    );
    const fates = await during(followed(bob), async () => {
      await host.type(
        [
          // A protected port does not reach another.
          `ip -n ${namespaceOf(bob)} neigh replace 10.42.0.13 lladdr ${eva.mac} dev ${bob.interfaceName}`,
          `ip netns exec ${namespaceOf(bob)} ping -c 1 -W 1 10.42.0.13 || true`,
          `ip netns exec ${namespaceOf(bob)} ping -c 1 -W 1 10.42.0.66`,
          `ip netns exec ${namespaceOf(bob)} ping -c 1 -W 1 -s 1300 10.42.0.1 || true`,
        ].join('\n'),
      );
    });
    await host.type('nft delete table inet byhand');
    const pings = fates.filter(({ packet }) => packet.detail === 'echo-request');
    const to = (target: string) => pings.filter(({ packet }) => packet.target === target).at(-1);
    expect(to('10.42.0.13')).toMatchObject({
      outcome: 'dropped',
      reason: 'isolated NICs do not reach one another',
      isOurs: true,
    });
    expect(to('10.42.0.66')).toMatchObject({ outcome: 'passed', reason: 'into web' });
    expect(to('10.42.0.1')).toMatchObject({
      outcome: 'dropped',
      reason: 'not by Passerelle: icmp type echo-request meta length 1328 drop',
      rule: 'inet byhand in',
      isOurs: false,
    });
  });
});
