import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineProject } from '../engine-project.js';
import { during } from '../ovs/followed.js';
import { arp, icmpv6, ipv4, ipv6, neighbour, note, udp } from '../ovs/frames.js';
import { FramePort } from '../ovs/frame-port.js';
import { nic, subnets, topology } from '../ovs/topologies.js';
import { lackingForOvn, OvnHost } from './ovn-host.js';
import { namespaceOf, openProject, ovnNetwork } from './project.js';

const lacking = lackingForOvn();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovntrace';

describe.skipIf(lacking !== undefined)('trace on the ovn engine', () => {
  const web = ovnNetwork(PROJECT, 'web', 'nat', subnets(42));
  const inside = { options: { attach: 'netns' } };
  const eve = nic(PROJECT, 'eve', 0, web, { ipv4: '10.42.0.66', ipv6: 'fd00:42::66', ...inside });
  const bob = nic(PROJECT, 'bob', 0, web, { ipv4: '10.42.0.12', ipv6: 'fd00:42::12', ...inside });
  const wanted = topology(PROJECT, [web], [eve, bob]);
  const namespace = namespaceOf(wanted, 'eve');
  let host: OvnHost;
  let project: EngineProject;
  let port: FramePort;

  beforeAll(async () => {
    host = await OvnHost.start();
    project = await openProject(PROJECT, host);
    await project.up(wanted, signal());
    port = await FramePort.open(namespace, eve.interfaceName);
  });
  afterAll(async () => {
    await port?.[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  it('says of each frame that OVN ends why it does, and the gateway of what comes to it', async () => {
    const own = { from: eve.mac };
    const message = udp(4000, 5000, Buffer.from('hello'));
    const nobody = { ...own, to: '52:54:00:99:99:99' };
    const followed = { host: host.ovs, engine: project.engine, nic: eve, network: web, namespace };
    const fates = await during(followed, () => {
      port.send(
        note({ from: '52:54:00:66:66:66' }, 'another MAC'),
        note(own, 'another protocol'),
        arp(own, 1, { mac: eve.mac, ip: '10.42.0.12' }, '10.42.0.1'),
        ipv4(own, '10.42.0.12', '10.42.0.1', 17, message),
        ipv4({ ...own, to: bob.mac }, '10.42.0.66', '10.42.0.12', 17, udp(67, 68, Buffer.alloc(300))),
        ipv6(own, 'fd00:42::12', 'fd00:42::1', 17, message),
        icmpv6(own, 'fd00:42::66', 'ff02::1', neighbour(136, 'fd00:42::12', eve.mac)),
        ipv4(nobody, '10.42.0.66', '10.42.0.77', 17, message),
        ipv4({ ...own, to: bob.mac }, '10.42.0.66', '10.42.0.12', 17, message),
        ipv4({ ...own, to: web.gatewayMac }, '10.42.0.66', '203.0.113.9', 17, message),
      );
    });
    const dropped = fates.filter(({ outcome, isOurs }) => outcome === 'dropped' && isOurs);
    expect(dropped.map(({ reason }) => reason)).toEqual([
      "it is not from the NIC's own MAC",
      'it is neither ARP nor IPv4 nor IPv6',
      "it claims an address that is not the NIC's own",
      "its IPv4 source is not the NIC's own address",
      'a machine must not answer as a DHCP server',
      "its IPv6 source, or an address that it claims, is not the NIC's own",
      "its IPv6 source, or an address that it claims, is not the NIC's own",
      'no machine of the network has its destination',
    ]);
    for (const { rule } of dropped) expect(rule).toMatch(/^ovn br-int table=\d.*, logical flow 0x/u);
    const passed = fates.filter(({ outcome, packet }) => outcome === 'passed' && packet.targetPort === 5000);
    expect(passed.map(({ packet, reason }) => [packet.target, reason])).toEqual([['10.42.0.12', 'into web']]);
  });
});
