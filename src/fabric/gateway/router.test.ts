import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  dropsOf,
  ends4,
  ends6,
  ethernetOf,
  frameOf,
  GUEST_MAC,
  ip4,
  ipFrame,
  mac,
  network,
  packetOf,
  port,
  secondNetwork,
  Stage,
} from '../../../test/fabric/gateway-stage.js';
import { ArpOperation, readArp, writeArp } from '../../wire/arp.js';
import { EtherType } from '../../wire/ethernet.js';
import {
  IcmpType,
  Icmpv6Type,
  readIcmp,
  readIcmpv6,
  Unreachable6Code,
  UnreachableCode,
} from '../../wire/icmp.js';
import { DONT_FRAGMENT, readIpv4Header, setIpv4Checksum } from '../../wire/ipv4.js';
import { Ipv4Reassembler } from '../../wire/ipv4-reassembly.js';
import { readIpv6Header } from '../../wire/ipv6.js';
import type { Gateway } from './gateway.js';
import { udpPacket } from './packets.js';
import { MAX_WAITING_BYTES } from './router.js';

const DB_MAC = '52:54:00:aa:bb:02';
const BACK_MAC = '52:54:00:00:00:02';
const DB = port({
  id: 'db1/0',
  network: 'back',
  machine: 'db1',
  mac: DB_MAC,
  ipv4: '10.0.1.20',
  ipv6: 'fd00:0:0:2::20',
});

function pair(backMtuBytes = 1500): { stage: Stage; web: Gateway; back: Gateway } {
  const stage = new Stage();
  const web = stage.gateway(network(), [port()]);
  const back = stage.gateway(secondNetwork({ mode: 'routed', mtuBytes: backMtuBytes }), [DB]);
  return { stage, web, back };
}

describe('the router', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('carries packets between the networks of the project, TTL counted down', () => {
    const { stage, web } = pair();
    const packet = udpPacket(ends4('10.0.1.20'), 1000, 5432, Buffer.from('select'));
    const packet6 = udpPacket(ends6('fd00:0:0:2::20'), 1000, 5432, Buffer.from('select'));
    const frames = stage.send(web, ipFrame(packet), ipFrame(packet6));
    expect(frames.map((frame) => ethernetOf(frame))).toMatchObject([
      { destination: mac(DB_MAC), source: mac(BACK_MAC), etherType: EtherType.ipv4 },
      { destination: mac(DB_MAC), source: mac(BACK_MAC), etherType: EtherType.ipv6 },
    ]);
    const [out4, out6] = frames.map((frame) => packetOf(frame));
    expect(readIpv4Header(out4!, 0, out4!.length)).toMatchObject({ ...ends4('10.0.1.20'), ttl: 63 });
    expect(readIpv6Header(out6!, 0, out6!.length)).toMatchObject({ hopLimit: 63 });
    expect(out4!.subarray(20)).toEqual(packet.subarray(20));
    expect(out6!.subarray(8)).toEqual(packet6.subarray(8));
    expect(stage.nat.received).toEqual([]);
  });

  it('shows itself to traceroute on each side', () => {
    const { stage, web, back } = pair();
    const packet = udpPacket(ends4('10.0.1.20'), 1000, 33_434, Buffer.alloc(0));
    packet[8] = 1;
    setIpv4Checksum(packet, 0);
    const [hop] = stage.send(web, ipFrame(packet));
    expect(readIpv4Header(packetOf(hop), 0, packetOf(hop).length)?.source).toBe(ip4('10.0.0.1'));
    const packet6 = udpPacket(ends6('fd00:0:0:1::11', 'fd00:0:0:2::20'), 1000, 33_434, Buffer.alloc(0));
    packet6[7] = 1;
    const [hop6] = stage.send(back, ipFrame(packet6, BACK_MAC, DB_MAC));
    expect(packetOf(hop6).subarray(8, 24)).toEqual(Buffer.from(ends6('fd00:0:0:2::1').destination));
    expect(readIcmpv6(packetOf(hop6), 0, 40, packetOf(hop6).length)?.type).toBe(Icmpv6Type.timeExceeded);
  });

  it('fragments to a smaller MTU, unless it may not', () => {
    const { stage, web } = pair(600);
    const packet = udpPacket(ends4('10.0.1.20'), 1, 2, Buffer.alloc(1400, 9));
    const frames = stage.send(web, ipFrame(packet));
    expect(frames.length).toBe(3);
    const reassembler = new Ipv4Reassembler();
    const whole = frames
      .map((frame) => {
        const bytes = packetOf(frame);
        expect(bytes.length).toBeLessThanOrEqual(600);
        return reassembler.add(bytes, 0, readIpv4Header(bytes, 0, bytes.length)!, 0);
      })
      .at(-1)!;
    expect(whole.subarray(20)).toEqual(packet.subarray(20));

    const stubborn = udpPacket(ends4('10.0.1.20'), 1, 2, Buffer.alloc(1400, 9));
    stubborn.writeUInt16BE(DONT_FRAGMENT, 6);
    setIpv4Checksum(stubborn, 0);
    const [error, ...rest] = stage.send(web, ipFrame(stubborn));
    expect(rest).toEqual([]);
    expect(readIcmp(packetOf(error), 20, packetOf(error).length)).toEqual({
      type: IcmpType.destinationUnreachable,
      code: UnreachableCode.fragmentationNeeded,
      rest: 600,
    });
    expect(packetOf(error).subarray(28)).toEqual(stubborn.subarray(0, packetOf(error).length - 28));
    expect(dropsOf(web)).toEqual({ 'packet-too-big': 1 });
  });

  it('tells IPv6 senders what fits', () => {
    const { stage, web } = pair(1280);
    const packet = udpPacket(ends6('fd00:0:0:2::20'), 1, 2, Buffer.alloc(1300));
    const [error, ...rest] = stage.send(web, ipFrame(packet));
    expect(rest).toEqual([]);
    expect(readIcmpv6(packetOf(error), 0, 40, packetOf(error).length)).toEqual({
      type: Icmpv6Type.packetTooBig,
      code: 0,
      rest: 1280,
    });
  });

  it('sends on-link packets back to their own network', () => {
    const { stage, web } = pair();
    const packet = udpPacket(ends4('10.0.0.11', '10.0.0.12'), 1, 2, Buffer.alloc(4));
    const [frame] = stage.send(web, ipFrame(packet, undefined, '52:54:00:aa:bb:33'));
    expect(ethernetOf(frame).destination).toBe(mac(GUEST_MAC));
  });

  it.each(['10.0.1.0', '10.0.1.255'])('forwards no directed broadcast to %s', (destination) => {
    const { stage, web } = pair();
    expect(stage.send(web, ipFrame(udpPacket(ends4(destination), 1, 2, Buffer.alloc(4))))).toEqual([]);
    expect(dropsOf(web)).toEqual({ 'martian-destination': 1 });
    expect(stage.nat.received).toEqual([]);
  });

  it('keeps a packet until its next hop answered', () => {
    const { stage, web, back } = pair();
    const packet = udpPacket(ends4('10.0.1.30'), 1, 2, Buffer.from('wait'));
    const [question, ...rest] = stage.send(web, ipFrame(packet));
    expect(rest).toEqual([]);
    expect(readArp(packetOf(question), 0, 28)).toMatchObject({ targetAddress: ip4('10.0.1.30') });
    const answer = Buffer.alloc(28);
    writeArp(answer, 0, {
      operation: ArpOperation.reply,
      senderMac: mac(DB_MAC),
      senderAddress: ip4('10.0.1.30'),
      targetMac: mac(BACK_MAC),
      targetAddress: ip4('10.0.1.1'),
    });
    const [frame] = stage.send(back, frameOf(EtherType.arp, answer, BACK_MAC, DB_MAC));
    expect(ethernetOf(frame).destination).toBe(mac(DB_MAC));
    expect(packetOf(frame).toString('latin1', 28)).toBe('wait');
    expect(readIpv4Header(packetOf(frame), 0, packetOf(frame).length)?.ttl).toBe(63);
  });

  it('says host unreachable when nobody answered', () => {
    const { stage, web } = pair();
    const packet = udpPacket(ends4('10.0.1.30'), 1, 2, Buffer.from('gone'));
    const packet6 = udpPacket(ends6('fd00:0:0:2::30'), 1, 2, Buffer.from('gone'));
    stage.send(web, ipFrame(packet), ipFrame(packet6));
    vi.advanceTimersByTime(2999);
    expect(stage.takeFrames('web')).toEqual([]);
    vi.advanceTimersByTime(1);
    const [error, error6] = stage.takeFrames('web').map((frame) => packetOf(frame));
    expect(readIcmp(error!, 20, error!.length)).toMatchObject({
      type: IcmpType.destinationUnreachable,
      code: UnreachableCode.host,
    });
    expect(readIcmpv6(error6!, 0, 40, error6!.length)).toMatchObject({
      type: Icmpv6Type.destinationUnreachable,
      code: Unreachable6Code.address,
    });
    expect(dropsOf(web)).toEqual({ 'neighbour-unreachable': 2 });
  });

  it('bounds what waits, and lets it go', () => {
    const { stage, web } = pair();
    const payload = Buffer.alloc(1400);
    const count = 2000;
    for (let index = 0; index < count; index++) {
      const packet = udpPacket(ends4(`10.0.1.${100 + (index % 100)}`), 1, 2, payload);
      stage.send(web, ipFrame(packet));
    }
    const waiting = count - (dropsOf(web)['queue-full'] ?? 0);
    expect(waiting).toBe(Math.floor(MAX_WAITING_BYTES / 1428));
    vi.advanceTimersByTime(3000);
    expect(dropsOf(web)['neighbour-unreachable']).toBe(waiting);
    stage.send(web, ipFrame(udpPacket(ends4('10.0.1.100'), 1, 2, payload)));
    expect(dropsOf(web)['queue-full']).toBe(count - waiting);
    vi.advanceTimersByTime(3000);
  });
});
