import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ExtensionHeader,
  IPV6_HEADER_BYTES,
  readIpv6Header,
  writeIpv6FragmentHeader,
  writeIpv6Header,
} from './ipv6.js';

const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
const SOURCE = Uint8Array.from({ length: 16 }, (_, index) => index);

/** A packet whose extension headers are `headers`: [type, length in units of 8 beyond the first]. */
function chain(headers: readonly (readonly [number, number])[], protocol: number, payload: Buffer): Buffer {
  const parts = headers.map(([, units], index) => {
    const part = Buffer.alloc((units + 1) * 8);
    part[0] = headers[index + 1]?.[0] ?? protocol;
    part[1] = units;
    return part;
  });
  const body = Buffer.concat([...parts, payload]);
  const packet = Buffer.alloc(IPV6_HEADER_BYTES + body.length);
  writeIpv6Header(packet, 0, body.length, headers[0]?.[0] ?? protocol, SOURCE, SOURCE);
  packet.set(body, IPV6_HEADER_BYTES);
  return packet;
}

describe('IPv6 header', () => {
  it('keeps through bytes', () => {
    const value = fc.record({
      payloadBytes: fc.nat(60),
      source: address,
      destination: address,
      hopLimit: fc.nat(255),
      trafficClass: fc.nat(255),
      flowLabel: fc.nat(0xf_ffff),
    });
    fc.assert(
      fc.property(value, fc.nat(5), (fields, offset) => {
        const { payloadBytes, source, destination, hopLimit, trafficClass, flowLabel } = fields;
        const bytes = Buffer.alloc(offset + IPV6_HEADER_BYTES + payloadBytes);
        writeIpv6Header(
          bytes,
          offset,
          payloadBytes,
          17,
          source,
          destination,
          hopLimit,
          trafficClass,
          flowLabel,
        );
        const header = readIpv6Header(bytes, offset, bytes.length)!;
        expect(header).toMatchObject({ hopLimit, trafficClass, flowLabel, protocol: 17, end: bytes.length });
        expect(header.payloadOffset).toBe(offset + IPV6_HEADER_BYTES);
        expect(bytes.subarray(header.sourceOffset).subarray(0, 16)).toEqual(Buffer.from(source));
        expect(bytes.subarray(header.destinationOffset).subarray(0, 16)).toEqual(Buffer.from(destination));
        expect(readIpv6Header(bytes, offset, bytes.length - 1)).toBeUndefined();
      }),
    );
  });

  it('is walked to the upper layer', () => {
    const { hopByHop, routing, destinationOptions } = ExtensionHeader;
    const packet = chain(
      [
        [hopByHop, 0],
        [destinationOptions, 2],
        [routing, 1],
      ],
      6,
      Buffer.from('tcp'),
    );
    const header = readIpv6Header(packet, 0, packet.length)!;
    expect(header.protocol).toBe(6);
    expect(packet.toString('latin1', header.payloadOffset, header.end)).toBe('tcp');
  });

  it('is refused with misplaced, oversized or endless extension headers', () => {
    const { hopByHop, destinationOptions } = ExtensionHeader;
    const misplaced = chain(
      [
        [destinationOptions, 0],
        [hopByHop, 0],
      ],
      6,
      Buffer.alloc(0),
    );
    expect(readIpv6Header(misplaced, 0, misplaced.length)).toBeUndefined();
    const oversized = chain([[destinationOptions, 0]], 6, Buffer.alloc(0));
    oversized[IPV6_HEADER_BYTES + 1] = 1;
    expect(readIpv6Header(oversized, 0, oversized.length)).toBeUndefined();
    const many = (count: number): Buffer =>
      chain(
        Array.from({ length: count }, () => [destinationOptions, 0] as const),
        6,
        Buffer.alloc(0),
      );
    expect(readIpv6Header(many(8), 0, many(8).length)).toBeDefined();
    expect(readIpv6Header(many(9), 0, many(9).length)).toBeUndefined();
  });

  it('shows the fragment header', () => {
    fc.assert(
      fc.property(
        fc.nat(0x1fff),
        fc.boolean(),
        fc.nat(0xffff_ffff),
        (units, moreFragments, identification) => {
          const packet = chain(
            [
              [ExtensionHeader.hopByHop, 0],
              [ExtensionHeader.fragment, 0],
            ],
            17,
            Buffer.alloc(8),
          );
          const headerOffset = IPV6_HEADER_BYTES + 8;
          writeIpv6FragmentHeader(packet, headerOffset, 17, units * 8, moreFragments, identification);
          const header = readIpv6Header(packet, 0, packet.length)!;
          expect(header.protocol).toBe(17);
          expect(header.fragment).toEqual({
            headerOffset,
            previousNextHeaderOffset: IPV6_HEADER_BYTES,
            offsetBytes: units * 8,
            moreFragments,
            identification,
            nextHeader: 17,
          });
        },
      ),
    );
  });
});
