/**
 * Seeded fuzz of whole gateways: whatever frames a machine sends, nothing throws, nothing reaches the NAT that should
 * not, what comes out is well-formed, and no table grows beyond its bound.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ends4,
  ends6,
  ethernetOf,
  frameOf,
  GATEWAY_MAC,
  ip6,
  ipFrame,
  network,
  packetOf,
  port,
  secondNetwork,
  Stage,
} from '../../../test/fabric/gateway-stage.js';
import { ArpOperation, writeArp } from '../../wire/arp.js';
import { EtherType } from '../../wire/ethernet.js';
import { readIcmpv6 } from '../../wire/icmp.js';
import { DEFAULT_REASSEMBLY_LIMITS } from '../../wire/reassembly.js';
import { readIpv4Header, setIpv4Checksum } from '../../wire/ipv4.js';
import { readIpv6Header } from '../../wire/ipv6.js';
import { encodeNeighbourSolicitation, encodeRouterSolicitation } from '../../wire/ndp.js';
import { isIpv4Martian, isIpv6Martian } from './address-class.js';
import { MAX_LEARNED, MAX_PENDING } from './neighbours.js';
import { icmpPacket, icmpv6MessagePacket, tcpPacket, udpPacket } from './packets.js';

/** mulberry32 */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

const DESTINATIONS_4 = ['10.0.0.1', '10.0.1.20', '10.0.1.1', '198.51.100.7', '127.0.0.1', '10.0.0.255'];
const DESTINATIONS_6 = ['fd00:0:0:1::1', 'fd00:0:0:2::20', '2001:db8::7', 'ff02::1', 'fe80::1', '::1'];

function arp(random: Random): Buffer {
  const packet = Buffer.alloc(28);
  writeArp(packet, 0, {
    operation: random(2) === 0 ? ArpOperation.request : ArpOperation.reply,
    senderMac: 0x5254_00aa_bb01,
    senderAddress: 0x0a00_0000 + random(256),
    targetMac: 0,
    targetAddress: 0x0a00_0001,
  });
  return frameOf(EtherType.arp, packet, GATEWAY_MAC);
}

function solicitation(random: Random): Buffer {
  const source = Uint8Array.from(ip6('fd00:0:0:1::'));
  source[14] = random(256);
  source[15] = random(256);
  const target = ip6('fd00:0:0:1::1');
  const body = encodeNeighbourSolicitation({ target, sourceMac: 0x5254_00aa_bb01 });
  return ipFrame(icmpv6MessagePacket({ source, destination: target }, body, 255));
}

function template(random: Random): Buffer {
  const ends =
    random(2) === 0
      ? ends4(DESTINATIONS_4[random(DESTINATIONS_4.length)]!)
      : ends6(DESTINATIONS_6[random(DESTINATIONS_6.length)]!);
  const payload = Buffer.alloc(random(80), random(256));
  switch (random(6)) {
    case 0:
      return ipFrame(udpPacket(ends, random(65_536), [53, 67, 9, 547][random(4)]!, payload));
    case 1:
      return ipFrame(tcpPacket(ends, random(65_536), [22, 53][random(2)]!, 1, 2, random(256)));
    case 2:
      return ipFrame(icmpPacket(ends, [8, 128, 3, 11, 135][random(5)]!, 0, random(2 ** 31), payload));
    case 3:
      return arp(random);
    case 4:
      return solicitation(random);
    default: {
      const rs = encodeRouterSolicitation({ sourceMac: 0x5254_00aa_bb01 });
      return ipFrame(icmpv6MessagePacket(ends6('ff02::2', 'fe80::1'), rs, 255), '33:33:00:00:00:02');
    }
  }
}

/** A template with bytes changed, cut or added; often with its IPv4 checksum mended so that it gets further. */
function hostileFrame(random: Random): Buffer {
  let frame = template(random);
  if (random(3) === 0) return frame;
  for (let flips = random(6); flips > 0; flips--) frame[14 + random(frame.length - 14)] = random(256);
  if (random(8) === 0) frame[random(14)] = random(256);
  if (random(6) === 0) frame = frame.subarray(0, 14 + random(frame.length - 13));
  if (frame.length >= 74 && frame[14]! >>> 4 === 4) setIpv4Checksum(frame, 14);
  return frame;
}

function expectWellFormed(frame: Buffer): void {
  const { etherType } = ethernetOf(frame);
  const packet = packetOf(frame);
  if (etherType === EtherType.ipv4) {
    expect(readIpv4Header(packet, 0, packet.length)?.totalBytes).toBe(packet.length);
  } else if (etherType === EtherType.ipv6) {
    const header = readIpv6Header(packet, 0, packet.length);
    expect(header?.end).toBe(packet.length);
    if (header?.protocol === 58 && header.payloadOffset === 40 && packet[8] === 0xfe) {
      expect(readIcmpv6(packet, 0, 40, packet.length)).toBeDefined();
    }
  } else expect(etherType).toBe(EtherType.arp);
}

describe('hostile frames', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['nat', 0x6761_7465],
    ['routed', 0x726f_7574],
    ['isolated', 0x6973_6f6c],
  ] as const)('never break a %s gateway', (mode, seed) => {
    const random = generator(seed);
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode }), [port()]);
    const back = stage.gateway(secondNetwork(), []);
    for (let round = 0; round < 2000; round++) {
      const frames = Array.from({ length: 1 + random(4) }, () => hostileFrame(random));
      for (const frame of stage.send(gateway, ...frames)) expectWellFormed(frame);
      stage.nowMs += random(20);
      vi.advanceTimersByTime(random(20));
      if (round % 500 === 0) gateway.configure(network({ mode, mtuBytes: 576 + random(9000) }), [port()]);
      for (const { neighbours } of [gateway, back]) {
        expect(neighbours.size.learned).toBeLessThanOrEqual(MAX_LEARNED);
        expect(neighbours.size.pending).toBeLessThanOrEqual(MAX_PENDING);
      }
      expect(gateway.heldFragmentBytes).toBeLessThanOrEqual(2 * DEFAULT_REASSEMBLY_LIMITS.maxHeldBytes);
    }
    for (const { packet } of stage.nat.received) {
      if (packet[0]! >>> 4 === 4) expect(isIpv4Martian(packet.readUInt32BE(16))).toBe(false);
      else expect(isIpv6Martian(packet, 24)).toBe(false);
    }
    if (mode === 'isolated') {
      expect(stage.nat.received).toEqual([]);
      expect(back.port.counters.rxFrames).toBe(0);
      for (const { packet } of stage.nat.receivedLocal) expect(localTcpPort(packet)).toBe(53);
    } else expect(stage.nat.received.length).toBeGreaterThan(100);
    expect(stage.dnsQueries.length).toBeGreaterThan(10);
    gateway.close();
    back.close();
  });

  it('made of random bytes alone never break one either', () => {
    const random = generator(1);
    const stage = new Stage();
    const gateway = stage.gateway();
    const types = [EtherType.arp, EtherType.ipv4, EtherType.ipv6, EtherType.vlan];
    for (let round = 0; round < 5000; round++) {
      const payload = Buffer.from(Array.from({ length: random(120) }, () => random(256)));
      if (payload.length > 0 && random(2) === 0) payload[0] = [0x45, 0x60][random(2)]!;
      for (const frame of stage.send(gateway, frameOf(types[random(4)]!, payload, GATEWAY_MAC))) {
        expectWellFormed(frame);
      }
    }
    expect(gateway.port.counters.txFrames).toBe(5000);
    gateway.close();
  });
});

/** The destination port where the packet is TCP. */
function localTcpPort(packet: Buffer): number | undefined {
  const ipv4 = readIpv4Header(packet, 0, packet.length);
  const ipv6 = readIpv6Header(packet, 0, packet.length);
  const offset = ipv4?.headerBytes ?? ipv6?.payloadOffset ?? 0;
  const isTcp = (ipv4?.protocol ?? ipv6?.protocol) === 6;
  return isTcp ? packet.readUInt16BE(offset + 2) : undefined;
}
