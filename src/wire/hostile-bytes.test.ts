/**
 * Seeded fuzz of every parser that sees a guest's bytes: random, truncated and mutated packets never make one throw,
 * and nothing a parser reports lies outside the range it was given.
 */
import { describe, expect } from 'vitest';
import { readArp, writeArp } from './arp.js';
import { readEthernetHeader, writeEthernetHeader } from './ethernet.js';
import { readIcmp, readIcmpv6, readQuotedPacket } from './icmp.js';
import { isFragment, readIpv4Header, setIpv4Checksum, writeIpv4Header } from './ipv4.js';
import { Ipv4Reassembler } from './ipv4-reassembly.js';
import { ExtensionHeader, readIpv6Header, writeIpv6FragmentHeader, writeIpv6Header } from './ipv6.js';
import { Ipv6Reassembler } from './ipv6-reassembly.js';
import {
  encodeNeighbourAdvertisement,
  encodeRouterAdvertisement,
  readNeighbourAdvertisement,
  readNeighbourSolicitation,
  readRouterAdvertisement,
  readRouterSolicitation,
} from './ndp.js';
import { readTcpHeader, readTcpOptions, writeTcpHeader } from './tcp.js';
import { readUdpHeader, writeUdpHeader } from './udp.js';
import { fuzz } from '../../test/fuzz/fuzz.js';

/** mulberry32: small, seeded, good enough to pick bytes. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const ADDRESS = Uint8Array.from({ length: 16 }, () => 0xfd);

function templates(): Buffer[] {
  const arp = Buffer.alloc(28);
  writeArp(arp, 0, { operation: 1, senderMac: 1, senderAddress: 2, targetMac: 3, targetAddress: 4 });
  const ethernet = Buffer.alloc(60);
  writeEthernetHeader(ethernet, 0, 1, 2, 0x800);
  const tcp = Buffer.alloc(80);
  writeTcpHeader(tcp, writeIpv4Header(tcp, 0, 80, 6, 1, 2), 1, 2, 3, 4, 2, 5, {
    mssBytes: 1460,
    windowScale: 7,
    sackPermitted: true,
    timestamps: { value: 1, echoReply: 2 },
  });
  const udp6 = Buffer.alloc(80);
  const fragmentAt = writeIpv6Header(udp6, 0, 40, ExtensionHeader.fragment, ADDRESS, ADDRESS);
  writeUdpHeader(udp6, writeIpv6FragmentHeader(udp6, fragmentAt, 17, 0, true, 5), 1, 2, 32);
  const advertisement = encodeRouterAdvertisement({
    hopLimit: 64,
    managed: false,
    otherConfiguration: false,
    routerLifetimeSeconds: 1800,
    reachableTimeMs: 0,
    retransmitTimerMs: 0,
    sourceMac: 1,
    mtuBytes: 1500,
    prefixes: [
      {
        prefix: ADDRESS,
        prefixLength: 64,
        onLink: true,
        autonomous: true,
        validLifetimeSeconds: 1,
        preferredLifetimeSeconds: 1,
      },
    ],
    rdnss: { lifetimeSeconds: 1, servers: [ADDRESS] },
    dnssl: { lifetimeSeconds: 1, domains: ['shop.internal'] },
  });
  const neighbour = encodeNeighbourAdvertisement({
    target: ADDRESS,
    router: true,
    solicited: true,
    override: true,
    targetMac: 1,
  });
  return [arp, ethernet, tcp, udp6, advertisement, neighbour];
}

function readEverything(bytes: Buffer, start: number, end: number): void {
  readEthernetHeader(bytes, start, end);
  readArp(bytes, start, end);
  readIcmp(bytes, start, end);
  if (end - start > 40) readIcmpv6(bytes, start, start + 40, end);
  readRouterSolicitation(bytes, start, end);
  readNeighbourSolicitation(bytes, start, end);
  readNeighbourAdvertisement(bytes, start, end);
  for (const prefix of readRouterAdvertisement(bytes, start, end)?.prefixes ?? []) {
    expect(prefix.prefix).toHaveLength(16);
  }
  const quoted = readQuotedPacket(bytes, start, end);
  if (quoted !== undefined) expect(quoted.transportOffset + 4).toBeLessThanOrEqual(end);
  const ipv4 = readIpv4Header(bytes, start, end);
  if (ipv4 !== undefined) expect(start + ipv4.totalBytes).toBeLessThanOrEqual(end);
  const ipv6 = readIpv6Header(bytes, start, end);
  if (ipv6 !== undefined) {
    expect(ipv6.end).toBeLessThanOrEqual(end);
    expect(ipv6.payloadOffset).toBeLessThanOrEqual(ipv6.end);
  }
  const tcp = readTcpHeader(bytes, start, end);
  if (tcp !== undefined) {
    expect(start + tcp.headerBytes).toBeLessThanOrEqual(end);
    readTcpOptions(bytes, start, tcp.headerBytes);
  }
  const udp = readUdpHeader(bytes, start, end);
  if (udp !== undefined) expect(start + udp.lengthBytes).toBeLessThanOrEqual(end);
}

describe('parsers', () => {
  fuzz('never throw and stay in range, whatever the bytes', [0x7061_7373], (seed) => {
    const random = generator(seed);
    const seeds = templates();
    for (let round = 0; round < 15_000; round++) {
      const template = seeds[random(seeds.length)]!;
      const bytes = Buffer.from(template);
      if (random(4) === 0) for (let index = 0; index < bytes.length; index++) bytes[index] = random(256);
      for (let flips = random(5); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
      if (random(2) === 0 && bytes.length >= 60) setIpv4Checksum(bytes, 0);
      const start = random(8) === 0 ? random(bytes.length) : 0;
      const end = random(2) === 0 ? bytes.length : random(bytes.length + 20);
      readEverything(bytes, start, end);
    }
  });

  fuzz('of fragments hold no more than their limits', [0x0815], (seed) => {
    const random = generator(seed);
    const limits = { maxDatagrams: 8, maxHeldBytes: 4096, maxFragments: 16, timeoutMs: 1000 };
    const ipv4 = new Ipv4Reassembler(limits);
    const ipv6 = new Ipv6Reassembler(limits);
    for (let round = 0; round < 8000; round++) {
      const bytes = Buffer.alloc(20 + random(200));
      const flags = (random(2) << 13) | (random(4) === 0 ? random(0x2000) : random(40));
      writeIpv4Header(bytes, 0, bytes.length, 17, random(3), 1, 64, random(4), flags);
      const header = readIpv4Header(bytes, 0, bytes.length)!;
      if (isFragment(header)) {
        const whole = ipv4.add(bytes, 0, header, round);
        if (whole !== undefined) expect(readIpv4Header(whole, 0, whole.length)).toBeDefined();
      }
      const packet = Buffer.alloc(48 + random(200));
      const at = writeIpv6Header(packet, 0, packet.length - 40, ExtensionHeader.fragment, ADDRESS, ADDRESS);
      writeIpv6FragmentHeader(packet, at, 17, random(40) * 8, random(2) === 0, random(4));
      const header6 = readIpv6Header(packet, 0, packet.length)!;
      const whole = ipv6.add(packet, 0, header6, header6.fragment!, round);
      if (whole !== undefined) expect(readIpv6Header(whole, 0, whole.length)).toBeDefined();
      for (const { held } of [ipv4, ipv6]) {
        expect(held.datagrams).toBeLessThanOrEqual(8);
        expect(held.bytes).toBeLessThanOrEqual(4096);
      }
    }
  });
});
