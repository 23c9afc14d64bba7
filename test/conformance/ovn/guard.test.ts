import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Nic } from '../../../src/topology/topology.js';
import type { EngineProject } from '../engine-project.js';
import { arp, ethernet, icmpv6, ipv4, ipv6, neighbour, note, udp } from '../ovs/frames.js';
import { arrivals, FramePort } from '../ovs/frame-port.js';
import { nic, subnets, topology } from '../ovs/topologies.js';
import { lackingForOvn, OvnHost } from './ovn-host.js';
import { namespaceOf, openProject, ovnNetwork } from './project.js';

const lacking = lackingForOvn();
const signal = () => AbortSignal.timeout(60_000);
const PROJECT = 'ovnguard';

describe.skipIf(lacking !== undefined)('anti-spoofing of the ovn engine', () => {
  const web = ovnNetwork(PROJECT, 'web', 'nat', subnets(41));
  const inside = { options: { attach: 'netns' } };
  const eve = nic(PROJECT, 'eve', 0, web, { ipv4: '10.41.0.66', ipv6: 'fd00:41::66', ...inside });
  const bob = nic(PROJECT, 'bob', 0, web, { ipv4: '10.41.0.12', ipv6: 'fd00:41::12', ...inside });
  const free = nic(PROJECT, 'free', 0, web, { antiSpoofing: false, ...inside });
  const wanted = topology(PROJECT, [web], [eve, bob, free]);
  let host: OvnHost;
  let project: EngineProject;
  const ports: Record<string, FramePort> = {};
  let count = 0;

  beforeAll(async () => {
    host = await OvnHost.start();
    project = await openProject(PROJECT, host);
    await project.up(wanted, signal());
    for (const each of [eve, bob, free]) {
      ports[each.machine] = await FramePort.open(namespaceOf(wanted, each.machine), each.interfaceName);
    }
  });
  afterAll(async () => {
    for (const port of Object.values(ports)) await port[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  async function pass(from: Nic, frames: Record<string, Buffer>): Promise<Record<string, boolean>> {
    // IP, since of a guarded NIC nothing else passes but ARP.
    const marker = ipv4(
      { from: from.mac },
      from.ipv4 ?? '10.41.0.66',
      '10.41.0.12',
      17,
      udp(3000, 3001, Buffer.from(`marker ${count++} ${from.machine}`)),
    );
    const came = await arrivals(ports[from.machine]!, ports['bob']!, marker, Object.values(frames));
    return Object.fromEntries(Object.keys(frames).map((name, index) => [name, came[index]!]));
  }

  const own = { from: eve.mac };
  const linkLocal = (mac: string) => {
    const octets = mac.split(':').map((octet) => Number.parseInt(octet, 16));
    const hex = (index: number) => octets[index]!.toString(16).padStart(2, '0');
    return `fe80::${(octets[0]! ^ 2).toString(16)}${hex(1)}:${hex(2)}ff:fe${hex(3)}:${hex(4)}${hex(5)}`;
  };
  const ping = Buffer.from([8, 0, 0xf7, 0xff, 0, 0, 0, 0]);
  const echo = (tag: number) => udp(4000 + tag, 5000, Buffer.from(`echo ${tag}`));

  it('lets a machine speak with its own MAC and addresses', async () => {
    const came = await pass(eve, {
      arpReply: arp(own, 2, { mac: eve.mac, ip: '10.41.0.66' }, '10.41.0.1'),
      ipv4: ipv4(own, '10.41.0.66', '10.41.0.12', 1, ping),
      ipv4Tagged: ipv4(own, '10.41.0.66', '10.41.0.12', 17, echo(1)),
      dhcpRequest: ipv4(own, '0.0.0.0', '255.255.255.255', 17, udp(68, 67, Buffer.from('discover'))),
      ipv6: ipv6(own, 'fd00:41::66', 'fd00:41::12', 17, echo(2)),
      linkLocal: ipv6(own, linkLocal(eve.mac), 'ff02::1', 17, echo(4)),
      advertise: icmpv6(own, 'fd00:41::66', 'ff02::1', neighbour(136, 'fd00:41::66', eve.mac)),
      detectOwn: icmpv6(own, '::', 'ff02::1:ff00:66', neighbour(135, 'fd00:41::66')),
    });
    expect(Object.entries(came).filter(([, arrived]) => !arrived)).toEqual([]);
  });

  it('answers for the others itself: who asks for one is not heard by the rest', async () => {
    const came = await pass(eve, {
      arpRequest: arp(own, 1, { mac: eve.mac, ip: '10.41.0.66' }, '10.41.0.12'),
      solicit: icmpv6(own, 'fd00:41::66', 'ff02::1:ff00:12', neighbour(135, 'fd00:41::12', eve.mac)),
    });
    expect(came).toEqual({ arpRequest: false, solicit: false });
    const answers = () => ports['eve']!.received.filter((frame) => frame.slice(24, 28) === '0806').length;
    await expect.poll(answers).toBeGreaterThan(0);
  });

  it('leaves it to the gateway to say where it is, and that it is a router', async () => {
    const eves = ports['eve']!;
    const target = linkLocal(web.gatewayMac);
    const groupMac = `33:33:ff:${web.gatewayMac.split(':').slice(3).join(':')}`;
    const group = `ff02::1:ff${web.gatewayMac.split(':').slice(3).join('').replace(/^(..)/u, '$1:')}`;
    eves.send(icmpv6({ ...own, to: groupMac }, linkLocal(eve.mac), group, neighbour(135, target, eve.mac)));
    const gateway = web.gatewayMac.replaceAll(':', '');
    // Of an advertisement of its: its type, and the flag that its sender routes (RFC 4861, 4.4).
    const advertised = () =>
      eves.received.filter((frame) => frame.slice(12, 24) === gateway && frame.slice(108, 110) === '88');
    await expect.poll(advertised, { timeout: 3000 }).not.toEqual([]);
    expect(advertised().every((frame) => (Number.parseInt(frame.slice(116, 118), 16) & 0x80) !== 0)).toBe(
      true,
    );
  });

  it('refuses everything that is not its own', async () => {
    const came = await pass(eve, {
      privacy: ipv6(own, 'fd00:41::abcd', 'fd00:41::12', 17, echo(3)),
      otherProtocol: ethernet(own, 0x88b6, Buffer.from('another protocol')),
      mac: ipv4({ from: '52:54:00:de:ad:01' }, '10.41.0.66', '10.41.0.12', 1, ping),
      othersMac: note({ from: free.mac }, 'in the name of free'),
      arpOtherIp: arp(own, 2, { mac: eve.mac, ip: '10.41.0.99' }, '10.41.0.12'),
      arpGateway: arp(own, 2, { mac: eve.mac, ip: '10.41.0.1' }, '10.41.0.12'),
      arpOtherMac: arp(own, 2, { mac: '52:54:00:de:ad:02', ip: '10.41.0.66' }, '10.41.0.12'),
      arpAnswerFromNowhere: arp(own, 2, { mac: eve.mac, ip: '0.0.0.0' }, '10.41.0.12'),
      ipv4Other: ipv4(own, '10.41.0.99', '10.41.0.12', 1, ping),
      ipv4Bob: ipv4(own, '10.41.0.12', '10.41.0.12', 17, echo(11)),
      ipv4Outside: ipv4(own, '192.0.2.1', '10.41.0.12', 17, echo(12)),
      ipv4FromNowhere: ipv4(own, '0.0.0.0', '10.41.0.12', 17, echo(13)),
      dhcpServer: ipv4(own, '10.41.0.66', '255.255.255.255', 17, udp(67, 68, Buffer.from('offer'))),
      ipv6Bob: ipv6(own, 'fd00:41::12', 'ff02::1', 17, echo(14)),
      ipv6Gateway: ipv6(own, 'fd00:41::1', 'ff02::1', 17, echo(15)),
      ipv6Outside: ipv6(own, '2001:db8::1', 'ff02::1', 17, echo(16)),
      linkLocalOfBob: ipv6(own, linkLocal(bob.mac), 'ff02::1', 17, echo(17)),
      linkLocalOfGateway: ipv6(own, linkLocal(web.gatewayMac), 'ff02::1', 17, echo(18)),
      dhcpv6Server: ipv6(own, linkLocal(eve.mac), 'ff02::1', 17, udp(547, 546, Buffer.from('advertise'))),
      redirect: icmpv6(
        own,
        linkLocal(eve.mac),
        'ff02::1',
        Buffer.concat([Buffer.from([137, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(32)]),
      ),
      advertiseBob: icmpv6(own, 'fd00:41::66', 'ff02::1', neighbour(136, 'fd00:41::12', eve.mac)),
      advertiseGateway: icmpv6(own, 'fd00:41::66', 'ff02::1', neighbour(136, 'fd00:41::1', eve.mac)),
      advertiseOtherMac: icmpv6(own, 'fd00:41::66', 'ff02::1', neighbour(136, 'fd00:41::66', bob.mac)),
      solicitOtherMac: icmpv6(own, 'fd00:41::66', 'ff02::1:ff00:12', neighbour(135, 'fd00:41::12', bob.mac)),
      detectBob: icmpv6(own, '::', 'ff02::1:ff00:12', neighbour(135, 'fd00:41::12')),
      tagged: ipv4({ ...own, tags: [7] }, '10.41.0.12', '10.41.0.12', 17, echo(20)),
      stackedTags: ipv4({ ...own, tags: [7, 8] }, '10.41.0.12', '10.41.0.12', 17, echo(19)),
    });
    expect(Object.entries(came).filter(([, arrived]) => arrived)).toEqual([]);
  });

  it('cannot keep a machine from advertising itself as a router, as docs/engines/ovn.md says', async () => {
    const advertisement = Buffer.from([134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    const came = await pass(eve, { ra: icmpv6(own, linkLocal(eve.mac), 'ff02::1', advertisement) });
    expect(came).toEqual({ ra: true });
  });

  it('lets a machine without guard say what it likes', async () => {
    const came = await pass(free, {
      mac: note({ from: '52:54:00:de:ad:03' }, 'any MAC'),
      ip: ipv4({ from: free.mac }, '10.41.0.66', '10.41.0.12', 17, echo(31)),
      ra: icmpv6(
        { from: free.mac },
        'fe80::1',
        'ff02::1',
        Buffer.from([134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
      ),
    });
    expect(came).toEqual({ mac: true, ip: true, ra: true });
  });

  it('finds rules that somebody removed, and puts them right', async () => {
    await host.type(
      `ovn-nbctl lsp-set-port-security passerelle.${PROJECT}.eve.0; ovn-nbctl clear Port_Group passerelle.${PROJECT}.web acls`,
    );
    const lost = await project.pending(wanted, signal());
    expect(lost.sort()).toEqual(['update ovn/guard/web', 'update ovn/logical-port/eve/0']);
    await project.up(wanted, signal());
    expect(await project.pending(wanted, signal())).toEqual([]);
    const came = await pass(eve, {
      ipv4Bob: ipv4(own, '10.41.0.12', '10.41.0.12', 17, echo(41)),
      ipv6Bob: ipv6(own, 'fd00:41::12', 'ff02::1', 17, echo(42)),
    });
    expect(came).toEqual({ ipv4Bob: false, ipv6Bob: false });
  });
});
