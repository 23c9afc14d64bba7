/** A network of the fabric joined with a VXLAN device of the Linux kernel and with Open vSwitch: real packets across. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksum } from '../../../src/wire/checksum.js';
import { EtherType, parseMac } from '../../../src/wire/ethernet.js';
import { IpProtocol } from '../../../src/wire/ipv4.js';
import { parseIpv4 } from '../../../src/wire/address.js';
import { icmpPacket } from '../../../src/fabric/gateway/packets.js';
import { networkNamed } from '../../fabric/fabric-stage.js';
import { FabricProcess } from '../../fabric/fabric-process.js';
import { ScriptedGuest } from '../../fabric/scripted-guest.js';
import { lackingForOvs, OvsHost } from '../ovs/ovs-host.js';
import { sendWholeChecksums } from '../../lab/offloads.js';

const VNI = 0x12_3456;
const MTU_BYTES = 1450;
const GUEST = { mac: '52:54:00:00:00:01', ipv4: '10.0.0.1' };
/** Machines on the other hosts, and the host's address below. */
const KERNEL = { ipv4: '10.0.0.50', mac: '52:54:00:00:00:50', host: '192.0.2.2' };
const OTHER_KERNEL = { ipv4: '10.0.0.51', mac: '52:54:00:00:00:51', host: '192.0.2.3' };
const SWITCH = { ipv4: '10.0.0.60', mac: '52:54:00:00:00:60', host: '192.0.2.4' };
const FABRIC_HOST = '192.0.2.1';

describe.skipIf(lackingForOvs() !== undefined)('VXLAN (RFC 7348)', () => {
  let directory: string;
  let wire: OvsHost;
  let home: OvsHost;
  let fabric: FabricProcess;
  let guest: ScriptedGuest;
  const hosts: OvsHost[] = [];

  async function joinWire(address: string, switching = false): Promise<OvsHost> {
    const host = await OvsHost.start({ switching });
    hosts.push(host);
    const peer = `w${address.split('.').at(-1)}`;
    await wire.type(
      `ip link add ${peer} type veth peer name eth0 netns ${host.namespace}; ip link set ${peer} master wire0 up`,
    );
    sendWholeChecksums(host.namespace, 'eth0');
    if (!switching) await host.type(`ip address add ${address}/24 dev eth0; ip link set eth0 up`);
    return host;
  }

  async function kernelPeer({ ipv4, mac, host }: typeof KERNEL): Promise<OvsHost> {
    const peer = await joinWire(host);
    await peer.type(
      `ip link add vx0 address ${mac} mtu ${MTU_BYTES} type vxlan id ${VNI} local ${host} remote ${FABRIC_HOST} dstport 4789; ip address add ${ipv4}/24 dev vx0; ip link set vx0 up`,
    );
    return peer;
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'psl-vx-'));
    wire = await OvsHost.start({ switching: false });
    hosts.push(wire);
    await wire.type('ip link add wire0 type bridge; ip link set wire0 up');
    home = await joinWire(FABRIC_HOST);
    await kernelPeer(KERNEL);
    await kernelPeer(OTHER_KERNEL);
    const ovs = await joinWire(SWITCH.host, true);
    await ovs.type(
      'ovs-vsctl add-br phy0 -- set Bridge phy0 datapath_type=netdev -- add-port phy0 eth0; ip link set eth0 up',
    );
    await ovs.type(`ip address add ${SWITCH.host}/24 dev phy0; ip link set phy0 up`);
    await ovs.type(
      `ovs-vsctl add-br br0 -- set Bridge br0 datapath_type=netdev other-config:hwaddr=${SWITCH.mac.replaceAll(':', String.raw`\:`)} -- set Interface br0 mtu_request=${MTU_BYTES} -- add-port br0 vx0 -- set Interface vx0 type=vxlan options:remote_ip=${FABRIC_HOST} options:key=${VNI}`,
    );
    await ovs.type(`ip link set br0 up; ip address add ${SWITCH.ipv4}/24 dev br0`);
    const network = networkNamed('a', 0, { mode: 'isolated', mtuBytes: MTU_BYTES });
    const socketPath = join(directory, 'm1.sock');
    guest = await ScriptedGuest.listen({
      socketPath,
      mac: parseMac(GUEST.mac)!,
      gatewayMac: parseMac(network.gatewayMac)!,
      ipv4: GUEST.ipv4,
    });
    fabric = await FabricProcess.start({ directory, within: ['ip', 'netns', 'exec', home.namespace] });
    const peers = [KERNEL.host, OTHER_KERNEL.host, SWITCH.host];
    await fabric.apply(
      {
        put: 'network',
        value: { ...network, vxlan: { id: VNI, port: 4789, localAddress: FABRIC_HOST, peers } },
      },
      {
        put: 'port',
        value: { id: 'm1/0', network: 'a', machine: 'm1', ...GUEST, antiSpoofing: true, socketPath },
      },
    );
    await guest.connected();
  }, 60_000);

  afterAll(async () => {
    await fabric?.kill('SIGTERM');
    await guest?.close();
    for (const host of hosts.reverse()) await host[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** An echo request as big as told, and whether its answer came whole. */
  async function echo(to: { ipv4: string; mac: string }, packetBytes = 84): Promise<Buffer> {
    const data = Buffer.alloc(packetBytes - 28, 0x5a);
    const ends = { source: parseIpv4(GUEST.ipv4)!, destination: parseIpv4(to.ipv4)! };
    guest.send(icmpPacket(ends, 8, 0, packetBytes, data), parseMac(to.mac));
    return guest.next((frame) => {
      const isEcho = frame[23] === IpProtocol.icmp && frame[34] === 0 && frame.length === 14 + packetBytes;
      return isEcho && frame.subarray(26, 30).join('.') === to.ipv4 ? frame : undefined;
    }, `echo of ${to.ipv4}`);
  }

  const machines: [string, { ipv4: string; mac: string; host: string }][] = [
    ["a device of Linux's kernel", KERNEL],
    ['another one', OTHER_KERNEL],
    ['Open vSwitch', SWITCH],
  ];

  it.each(machines)('carries packets to %s and back (RFC 7348 section 4)', async (_, peer) => {
    const answer = await echo(peer);
    expect(checksum(answer, 34, answer.length)).toBe(0);
    expect(answer.subarray(6, 12).toString('hex')).toBe(peer.mac.replaceAll(':', ''));
  });

  it.each(machines)('carries packets as large as the MTU to %s, without fragments below', async (_, peer) => {
    const before = await home.run('nstat', '-asz', 'IpFragCreates', 'IpReasmReqds');
    await echo(peer, MTU_BYTES);
    expect(await home.run('nstat', '-asz', 'IpFragCreates', 'IpReasmReqds')).toBe(before);
  });

  it('sends to the one host that has the machine, once it is known', async () => {
    await echo(KERNEL);
    const before = await tunnels();
    for (let count = 0; count < 20; count++) await echo(KERNEL);
    const after = await tunnels();
    expect(after[KERNEL.host]! - before[KERNEL.host]!).toBeGreaterThanOrEqual(20);
    expect(after[SWITCH.host]! - before[SWITCH.host]!).toBeLessThan(5);
  });

  it('hands nothing from one tunnel to another (split horizon)', async () => {
    const [, , kernel] = hosts as [OvsHost, OvsHost, OvsHost];
    // The guest is reached by a broadcast that the fabric floods; the other kernel is behind another tunnel.
    await expect(kernel.run('ping', '-c', '1', '-W', '1', OTHER_KERNEL.ipv4)).rejects.toThrow();
    const asks = guest.next((frame) => (asksFor(frame, OTHER_KERNEL.ipv4) ? true : undefined), 'ARP request');
    await Promise.all([asks, kernel.run('ping', '-c', '1', '-W', '1', OTHER_KERNEL.ipv4).catch(() => '')]);
  });

  it('hears only its peers, and only its network (RFC 7348 section 7)', async () => {
    const stranger = await joinWire('192.0.2.9');
    await stranger.type(
      `ip link add vx0 mtu ${MTU_BYTES} type vxlan id ${VNI} local 192.0.2.9 remote ${FABRIC_HOST} dstport 4789; ip address add 10.0.0.99/24 dev vx0; ip link set vx0 up`,
    );
    const [, , kernel] = hosts as [OvsHost, OvsHost, OvsHost];
    await kernel.type(
      `ip link add vx1 type vxlan id 7 local ${KERNEL.host} remote ${FABRIC_HOST} dstport 4789; ip address add 10.0.0.98/24 dev vx1; ip link set vx1 up`,
    );
    guest.takeFrames();
    await stranger.run('ping', '-c', '1', '-W', '1', '-I', 'vx0', GUEST.ipv4).catch(() => '');
    await kernel.run('ping', '-c', '1', '-W', '1', '-I', 'vx1', GUEST.ipv4).catch(() => '');
    await echo(KERNEL);
    const senders = guest.takeFrames().map((frame) => frame.subarray(28, 32).join('.'));
    expect(senders).not.toContain('10.0.0.99');
    expect(senders).not.toContain('10.0.0.98');
    await kernel.run('ip', 'link', 'del', 'vx1');
  });

  it('refuses a port that the kernel has, and goes on as before', async () => {
    await home.run(
      'ip',
      'link',
      'add',
      'vx9',
      'type',
      'vxlan',
      'id',
      '9',
      'dstport',
      '4790',
      'local',
      FABRIC_HOST,
    );
    await home.run('ip', 'link', 'set', 'vx9', 'up');
    const value = networkNamed('b', 1, {
      mode: 'isolated',
      vxlan: { id: 9, port: 4790, localAddress: FABRIC_HOST, peers: [KERNEL.host] },
    });
    await expect(fabric.apply({ put: 'network', value })).rejects.toThrow(/VXLAN cannot use udp port 4790/);
    await echo(KERNEL);
  });

  async function tunnels(): Promise<Record<string, number>> {
    const { networks } = await fabric.status();
    return Object.fromEntries(networks[0]!.tunnels.map(({ peer, txFrames }) => [peer, txFrames]));
  }
});

function asksFor(frame: Buffer, ipv4: string): boolean {
  return frame.readUInt16BE(12) === EtherType.arp && frame.subarray(38, 42).join('.') === ipv4;
}
