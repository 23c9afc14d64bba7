import { describe, expect, it } from 'vitest';
import {
  dropsOf,
  ends4,
  ethernetOf,
  frameOf,
  GATEWAY_MAC,
  GUEST_MAC,
  ip4,
  ipFrame,
  mac,
  network,
  packetOf,
  port,
  secondNetwork,
  Stage,
  without,
} from '../../../test/fabric/gateway-stage.js';
import { readArp } from '../../wire/arp.js';
import { BROADCAST_MAC, EtherType } from '../../wire/ethernet.js';
import { IcmpType, readIcmp } from '../../wire/icmp.js';
import { linkLocalAddress } from '../../wire/ipv6-interface.js';
import { ChunkPool } from '../ports/chunk-pool.js';
import { emptyCounters } from '../ports/counters.js';
import type { FrameBatch, Port } from '../ports/port.js';
import { Switch } from '../switch/switch.js';
import { ipv6KeyOf } from './address-key.js';
import { Gateway, hasGateway } from './gateway.js';
import { icmpPacket, udpPacket } from './packets.js';

function echoTo(address: string, source?: string): Buffer {
  return ipFrame(icmpPacket(ends4(address, source), IcmpType.echoRequest, 0, 1, Buffer.alloc(4)));
}

describe('a gateway', () => {
  it('is there where a network has addresses', () => {
    expect(hasGateway(network())).toBe(true);
    expect(hasGateway(without(network(), 'ipv4'))).toBe(true);
    expect(hasGateway(without(network(), 'ipv4', 'ipv6'))).toBe(false);
  });

  it('announces itself when it starts', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    gateway.start();
    const [announcement] = stage.takeFrames();
    expect(ethernetOf(announcement)).toMatchObject({ destination: BROADCAST_MAC, source: mac(GATEWAY_MAC) });
    expect(readArp(packetOf(announcement), 0, 28)).toMatchObject({
      senderAddress: ip4('10.0.0.1'),
      targetAddress: ip4('10.0.0.1'),
    });
    gateway.close();
  });

  it('knows the configured ports without asking', () => {
    const stage = new Stage();
    const gateway = stage.gateway(network(), [port()]);
    const found: (number | undefined)[] = [];
    gateway.resolve('10.0.0.11', (value) => found.push(value));
    gateway.resolve('fd00:0:0:1:5054:ff:feaa:bb01', (value) => found.push(value));
    gateway.resolve('not an address', (value) => found.push(value));
    expect(found).toEqual([mac(GUEST_MAC), mac(GUEST_MAC), undefined]);
    expect(gateway.neighbours.lookup(ipv6KeyOf(linkLocalAddress(mac(GUEST_MAC))))).toBe(mac(GUEST_MAC));
    expect(stage.takeFrames()).toEqual([]);
  });

  it('takes new addresses live, and keeps the link object that flows hold', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    stage.send(gateway, ipFrame(udpPacket(ends4('198.51.100.7'), 1, 2, Buffer.alloc(4))));
    const ipv4 = { address: '10.0.9.0', prefixLength: 24, gateway: '10.0.9.1' };
    gateway.configure(network({ ipv4, gatewayMac: '52:54:00:00:00:99' }), [port({ ipv4: '10.0.9.11' })]);
    const announcement = stage.takeFrames().find((frame) => ethernetOf(frame).etherType === EtherType.arp);
    expect(ethernetOf(announcement).source).toBe(mac('52:54:00:00:00:99'));
    expect(readArp(packetOf(announcement), 0, 28)?.senderAddress).toBe(ip4('10.0.9.1'));
    expect(gateway.port.mac).toBe(mac('52:54:00:00:00:99'));
    expect(gateway.neighbours.lookup(ip4('10.0.9.11'))).toBe(mac(GUEST_MAC));
    expect(gateway.neighbours.lookup(ip4('10.0.0.11'))).toBeUndefined();
    expect(stage.router.networkOfIpv4(ip4('10.0.9.77'))).toBe(gateway);
    expect(stage.router.networkOfIpv4(ip4('10.0.0.77'))).toBeUndefined();
    const fresh = icmpPacket(ends4('10.0.9.1', '10.0.9.11'), IcmpType.echoRequest, 0, 1, Buffer.alloc(4));
    expect(stage.send(gateway, echoTo('10.0.0.1'))).toEqual([]);
    expect(stage.send(gateway, ipFrame(fresh, '52:54:00:00:00:99'))).toHaveLength(1);
    expect(stage.nat.received[0]?.link).toBe(gateway);
    expect(gateway.network.ipv4).toEqual(ipv4);
    gateway.close();
  });

  it('changes DHCP, DNS and mode without touching neighbours or announcing addresses', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    gateway.neighbours.learn(ip4('10.0.0.50'), 0xabc);
    gateway.configure(without(network(), 'dns', 'dhcp'), []);
    expect(gateway.neighbours.lookup(ip4('10.0.0.50'))).toBe(0xabc);
    expect(stage.takeFrames().map((frame) => ethernetOf(frame).etherType)).toEqual([EtherType.ipv6]);
    gateway.configure(without(network(), 'dns', 'dhcp'), [port()]);
    expect(stage.takeFrames()).toEqual([]);
    stage.send(gateway, echoTo('198.51.100.7'));
    gateway.configure(network({ mode: 'isolated' }), []);
    stage.takeFrames();
    stage.send(gateway, echoTo('198.51.100.7'));
    expect(stage.nat.received).toHaveLength(1);
    expect(dropsOf(gateway)).toEqual({ isolated: 1 });
    gateway.close();
  });

  it('leaves the router and the NAT when it closes, and writes no more', async () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    let answer: (value: Buffer) => void = () => {};
    stage.dnsAnswer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    stage.send(gateway, ipFrame(udpPacket(ends4('10.0.0.1'), 5353, 53, Buffer.alloc(12))));
    gateway.close();
    stage.takeFrames();
    expect(stage.nat.forgotten).toEqual(['web']);
    expect(stage.router.networkOfIpv4(ip4('10.0.0.11'))).toBeUndefined();
    answer(Buffer.alloc(12));
    await new Promise(setImmediate);
    expect(stage.takeFrames()).toEqual([]);
  });

  it('ignores frames from a group or from its own MAC, and types it does not speak', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = packetOf(echoTo('10.0.0.1'));
    const frames = [
      ipFrame(packet, GATEWAY_MAC, 'ff:ff:ff:ff:ff:ff'),
      ipFrame(packet, GATEWAY_MAC, GATEWAY_MAC),
      frameOf(EtherType.vlan, packet, GATEWAY_MAC),
      frameOf(EtherType.vlan, packet, 'ff:ff:ff:ff:ff:ff'),
    ];
    expect(stage.send(gateway, ...frames)).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'martian-source': 2, 'unsupported-protocol': 1 });
    expect(gateway.port.counters).toMatchObject({ txFrames: 4, rxFrames: 0 });
  });
});

/** A machine's port that records what it is sent. */
class GuestPort implements Port {
  readonly counters = emptyCounters();
  readonly frames: Buffer[] = [];

  constructor(readonly id: string) {}

  offer(batch: FrameBatch, start: number, end: number): void {
    for (let position = start; position < end; ) {
      const next = position + 4 + batch.bytes.readUInt32BE(position);
      this.frames.push(Buffer.from(batch.bytes.subarray(position + 4, next)));
      position = next;
    }
  }

  flush(): void {}
}

describe('gateways on real switches', () => {
  it('answer and route within the batch that asked', () => {
    const stage = new Stage();
    const pool = new ChunkPool();
    const site = (settings: ReturnType<typeof network>, ports: Parameters<typeof stage.gateway>[1]) => {
      const sink = new Switch(() => 0);
      const options = { sink, pool, services: stage.services, portOf: () => undefined };
      const gateway = new Gateway(settings, ports ?? [], options);
      const guest = new GuestPort(settings.name);
      sink.attach(gateway.port, { mac: gateway.port.mac });
      sink.attach(guest);
      return { sink, guest };
    };
    const web = site(network(), [port()]);
    const db = port({ network: 'back', mac: '52:54:00:aa:bb:02', ipv4: '10.0.1.20' });
    const back = site(secondNetwork(), [db]);
    const frames = [
      echoTo('10.0.0.1'),
      ipFrame(udpPacket(ends4('10.0.1.20'), 1, 2, Buffer.from('routed'))),
      echoTo('198.51.100.7'),
    ];
    const bytes = Buffer.concat(
      frames.map((frame) => {
        const header = Buffer.alloc(4);
        header.writeUInt32BE(frame.length);
        return Buffer.concat([header, frame]);
      }),
    );
    web.sink.forward(web.guest, { bytes, retained: false }, 0, bytes.length);
    expect(
      web.guest.frames.map((frame) => readIcmp(packetOf(frame), 20, packetOf(frame).length)?.type),
    ).toEqual([IcmpType.echoReply]);
    expect(back.guest.frames).toHaveLength(1);
    expect(ethernetOf(back.guest.frames[0])).toMatchObject({ destination: mac('52:54:00:aa:bb:02') });
    expect(packetOf(back.guest.frames[0]).toString('latin1', 28)).toBe('routed');
    expect(stage.nat.received).toHaveLength(1);
  });
});
