import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IPV4_HEADER_BYTES, isFragment, readIpv4Header, writeIpv4Header } from './ipv4.js';
import { Ipv4Reassembler, fragmentRanges, writeIpv4Fragment } from './ipv4-reassembly.js';
import {
  ExtensionHeader,
  IPV6_FRAGMENT_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  readIpv6Header,
  writeIpv6FragmentHeader,
  writeIpv6Header,
} from './ipv6.js';
import { Ipv6Reassembler } from './ipv6-reassembly.js';

function ipv4Packet(payload: Uint8Array, identification = 7): Buffer {
  const packet = Buffer.alloc(IPV4_HEADER_BYTES + payload.length);
  packet.set(payload, writeIpv4Header(packet, 0, packet.length, 17, 1, 2, 64, identification, 0));
  return packet;
}

function fragmentsOf(packet: Buffer, mtuBytes: number): Buffer[] {
  const header = readIpv4Header(packet, 0, packet.length)!;
  return fragmentRanges(header, mtuBytes).map((range) => {
    const fragment = Buffer.alloc(header.headerBytes + range.payloadBytes);
    writeIpv4Fragment(fragment, 0, packet, 0, header, range);
    return fragment;
  });
}

function give(reassembler: Ipv4Reassembler, fragment: Buffer, nowMs = 0): Buffer | undefined {
  return reassembler.add(fragment, 0, readIpv4Header(fragment, 0, fragment.length)!, nowMs);
}

const payload = fc.uint8Array({ minLength: 100, maxLength: 900 });
const mtu = fc.integer({ min: 68, max: 400 });

describe('IPv4 fragments', () => {
  it('fit the MTU, and give the packet again in any order, some twice', () => {
    const shuffled = fc.tuple(payload, mtu).chain(([bytes, mtuBytes]) => {
      const packet = ipv4Packet(bytes);
      const fragments = fragmentsOf(packet, mtuBytes);
      const order = fc.shuffledSubarray([...fragments.keys()], { minLength: fragments.length });
      return fc.record({
        packet: fc.constant(packet),
        fragments: fc.constant(fragments),
        mtuBytes: fc.constant(mtuBytes),
        order,
      });
    });
    fc.assert(
      fc.property(shuffled, fc.boolean(), ({ packet, fragments, mtuBytes, order }, repeat) => {
        const reassembler = new Ipv4Reassembler();
        for (const fragment of fragments) expect(fragment.length).toBeLessThanOrEqual(mtuBytes);
        const early = order.slice(0, -1).flatMap((index) => (repeat ? [index, index] : [index]));
        for (const index of early) expect(give(reassembler, fragments[index]!)).toBeUndefined();
        const whole = give(reassembler, fragments[order.at(-1)!]!)!;
        expect(whole).toEqual(packet);
        expect(isFragment(readIpv4Header(whole, 0, whole.length)!)).toBe(false);
        expect(reassembler.held).toEqual({ datagrams: 0, bytes: 0 });
      }),
    );
  });

  it('may be fragmented again on the way', () => {
    const packet = ipv4Packet(Buffer.alloc(1000, 3));
    const reassembler = new Ipv4Reassembler();
    const twice = fragmentsOf(packet, 500).flatMap((fragment) => fragmentsOf(fragment, 100));
    const results = twice.map((fragment) => give(reassembler, fragment));
    expect(results.at(-1)).toEqual(packet);
    expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
  });

  it('that overlap end the datagram', () => {
    const packet = ipv4Packet(Buffer.alloc(400, 1));
    const other = ipv4Packet(Buffer.alloc(400, 2));
    const reassembler = new Ipv4Reassembler();
    const coarse = fragmentsOf(packet, 220);
    const fine = fragmentsOf(other, 140);
    give(reassembler, coarse[0]!);
    expect(reassembler.held.datagrams).toBe(1);
    give(reassembler, fine[1]!);
    expect(reassembler.held).toEqual({ datagrams: 0, bytes: 0 });
    expect(give(reassembler, coarse[1]!)).toBeUndefined();
  });

  it('cannot make a packet longer than 65535 bytes', () => {
    const reassembler = new Ipv4Reassembler();
    const last = ipv4Packet(Buffer.alloc(64));
    last.writeUInt16BE(0x1fff, 6);
    const header = { ...readIpv4Header(ipv4Packet(Buffer.alloc(64)), 0, 84)!, fragmentOffsetBytes: 65_528 };
    expect(reassembler.add(last, 0, header, 0)).toBeUndefined();
    expect(reassembler.held.datagrams).toBe(0);
  });

  it('are held within the limits', () => {
    const limits = { maxDatagrams: 4, maxHeldBytes: 1000, maxFragments: 3, timeoutMs: 1000 };
    const reassembler = new Ipv4Reassembler(limits);
    fc.assert(
      fc.property(fc.nat(50), fc.nat(20), fc.nat(3000), (identification, pick, nowMs) => {
        const fragments = fragmentsOf(ipv4Packet(Buffer.alloc(700), identification), 148);
        give(reassembler, fragments[pick % fragments.length]!, nowMs);
        expect(reassembler.held.datagrams).toBeLessThanOrEqual(4);
        expect(reassembler.held.bytes).toBeLessThanOrEqual(1000);
      }),
      { numRuns: 1000, seed: 815 },
    );
  });

  it('are forgotten after the time-out', () => {
    const limits = { maxDatagrams: 4, maxHeldBytes: 10_000, maxFragments: 9, timeoutMs: 1000 };
    const reassembler = new Ipv4Reassembler(limits);
    const fragments = fragmentsOf(ipv4Packet(Buffer.alloc(300)), 220);
    give(reassembler, fragments[0]!, 0);
    expect(give(reassembler, fragments[1]!, 1000)).toBeUndefined();
    expect(reassembler.held.datagrams).toBe(1);
  });
});

describe('IPv6 fragments', () => {
  const address = Uint8Array.from({ length: 16 }, (_, index) => index);

  function fragments(body: Uint8Array, stepBytes: number): Buffer[] {
    const result: Buffer[] = [];
    for (let offset = 0; offset < body.length; offset += stepBytes) {
      const part = body.subarray(offset, offset + stepBytes);
      const packet = Buffer.alloc(IPV6_HEADER_BYTES + IPV6_FRAGMENT_HEADER_BYTES + part.length);
      const { length } = packet;
      const start = writeIpv6Header(packet, 0, length - 40, ExtensionHeader.fragment, address, address);
      const more = offset + part.length < body.length;
      packet.set(part, writeIpv6FragmentHeader(packet, start, 17, offset, more, 99));
      result.push(packet);
    }
    return result;
  }

  it('give the packet without its fragment header', () => {
    fc.assert(
      fc.property(payload, fc.integer({ min: 1, max: 12 }), fc.boolean(), (body, units, backwards) => {
        const reassembler = new Ipv6Reassembler();
        const parts = fragments(body, units * 8);
        if (backwards) parts.reverse();
        fc.pre(parts.length > 1 && parts.length <= 64);
        const results = parts.map((part) => {
          const header = readIpv6Header(part, 0, part.length)!;
          return reassembler.add(part, 0, header, header.fragment!, 0);
        });
        const whole = results.at(-1)!;
        const header = readIpv6Header(whole, 0, whole.length)!;
        expect(header).toMatchObject({ protocol: 17, end: whole.length, fragment: undefined });
        expect(whole.subarray(header.payloadOffset)).toEqual(Buffer.from(body));
        expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
      }),
    );
  });
});
