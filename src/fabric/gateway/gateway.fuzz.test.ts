/**
 * Seeded fuzz of whole gateways: whatever frames a machine sends, nothing throws, nothing reaches the NAT that should
 * not, what comes out is well-formed, and no table grows beyond its bound.
 */
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import {
  ends4,
  ethernetOf,
  frameOf,
  GATEWAY_MAC,
  ipFrame,
  network,
  packetOf,
  port,
  secondNetwork,
  Stage,
} from '../../../test/fabric/gateway-stage.js';
import { EtherType } from '../../wire/ethernet.js';
import { readIcmpv6 } from '../../wire/icmp.js';
import { DEFAULT_REASSEMBLY_LIMITS } from '../../wire/reassembly.js';
import { readIpv4Header } from '../../wire/ipv4.js';
import { readIpv6Header } from '../../wire/ipv6.js';
import { isIpv4Martian, isIpv6Martian } from './address-class.js';
import { MAX_LEARNED, MAX_PENDING } from './neighbours.js';
import { udpPacket } from './packets.js';
import { hostileFrame } from '../../../test/fabric/hostile-frames.js';
import { Random } from '../../../test/fabric/nat/random.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';

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

  describe.each([
    ['nat', 0x6761_7465],
    ['routed', 0x726f_7574],
    ['isolated', 0x6973_6f6c],
  ] as const)('of a %s network', (mode, shortRunSeed) => {
    fuzz('never break its gateway', [shortRunSeed], (seed) => survive(mode, seed));
  });

  function survive(mode: 'nat' | 'routed' | 'isolated', seed: number): void {
    const random = new Random(seed);
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode }), [port()]);
    const back = stage.gateway(secondNetwork(), []);
    for (let round = 0; round < 2000; round++) {
      const frames = Array.from({ length: 1 + random.below(4) }, () => hostileFrame(random));
      for (const frame of stage.send(gateway, ...frames)) expectWellFormed(frame);
      stage.nowMs += random.below(20);
      vi.advanceTimersByTime(random.below(20));
      if (round % 500 === 0)
        gateway.configure(network({ mode, mtuBytes: 576 + random.below(9000) }), [port()]);
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
    // How many hostile queries get through is luck (8 to 26 of a run); a good one does, after all of them.
    const luckyQueries = stage.dnsQueries.length;
    expect(luckyQueries).toBeGreaterThan(0);
    stage.send(gateway, ipFrame(udpPacket(ends4('10.0.0.1'), 5000, 53, Buffer.from('still there?'))));
    expect(stage.dnsQueries.slice(luckyQueries).map(({ query }) => query.toString())).toEqual([
      'still there?',
    ]);
    gateway.close();
    back.close();
  }

  fuzz('made of random bytes alone never break one either', [1], (seed) => {
    const random = new Random(seed);
    const stage = new Stage();
    const gateway = stage.gateway();
    const types = [EtherType.arp, EtherType.ipv4, EtherType.ipv6, EtherType.vlan];
    for (let round = 0; round < 5000; round++) {
      const payload = Buffer.from(Array.from({ length: random.below(120) }, () => random.below(256)));
      if (payload.length > 0 && random.below(2) === 0) payload[0] = [0x45, 0x60][random.below(2)]!;
      for (const frame of stage.send(gateway, frameOf(types[random.below(4)]!, payload, GATEWAY_MAC))) {
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
