import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpv6 } from './address.js';
import {
  ICMP_HEADER_BYTES,
  echoRest,
  quotedBytes,
  readIcmp,
  readIcmpv6,
  readQuotedPacket,
  setIcmpChecksum,
  setIcmpv6Checksum,
  writeIcmpHeader,
} from './icmp.js';
import { IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from './ipv4.js';
import { IPV6_HEADER_BYTES, writeIpv6Header } from './ipv6.js';
import { writeUdpHeader } from './udp.js';

const GATEWAY = parseIpv6('fd00::1')!;
const GUEST = parseIpv6('fd00::2')!;

describe('ICMP', () => {
  it('keeps messages through bytes, checksum included', () => {
    const message = fc.record({ type: fc.nat(255), code: fc.nat(255), rest: fc.nat(0xffff_ffff) });
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 150 }), (header, data) => {
        const bytes = Buffer.alloc(IPV6_HEADER_BYTES + ICMP_HEADER_BYTES + data.length);
        const start = writeIpv6Header(bytes, 0, bytes.length - 40, IpProtocol.icmpv6, GUEST, GATEWAY);
        bytes.set(data, writeIcmpHeader(bytes, start, header.type, header.code, header.rest));
        setIcmpChecksum(bytes, start, bytes.length);
        expect(readIcmp(bytes, start, bytes.length)).toEqual(header);
        setIcmpv6Checksum(bytes, 0, start, bytes.length);
        expect(readIcmpv6(bytes, 0, start, bytes.length)).toEqual(header);
        bytes[start]! ^= 0x20;
        expect(readIcmpv6(bytes, 0, start, bytes.length)).toBeUndefined();
      }),
    );
  });

  it('packs identifier and sequence', () => {
    expect(echoRest(0xbeef, 0x0102)).toBe(0xbeef_0102);
  });

  it('quotes what fits 576 bytes, or the minimum IPv6 MTU', () => {
    expect(quotedBytes(4, 100)).toBe(100);
    expect(quotedBytes(4, 1500) + IPV4_HEADER_BYTES + ICMP_HEADER_BYTES).toBe(576);
    expect(quotedBytes(6, 1500) + IPV6_HEADER_BYTES + ICMP_HEADER_BYTES).toBe(1280);
  });
});

describe('a quoted packet', () => {
  function quotedIpv4(): Buffer {
    const bytes = Buffer.alloc(IPV4_HEADER_BYTES + 8);
    writeUdpHeader(bytes, writeIpv4Header(bytes, 0, 1000, IpProtocol.udp, 1, 2), 5353, 33_434, 980);
    return bytes;
  }

  function quotedIpv6(): Buffer {
    const bytes = Buffer.alloc(IPV6_HEADER_BYTES + 8);
    writeUdpHeader(
      bytes,
      writeIpv6Header(bytes, 0, 1000, IpProtocol.udp, GUEST, GATEWAY),
      5353,
      33_434,
      1000,
    );
    return bytes;
  }

  it.each([
    ['IPv4', quotedIpv4(), 4, 12, 16, IPV4_HEADER_BYTES],
    ['IPv6', quotedIpv6(), 6, 8, 24, IPV6_HEADER_BYTES],
  ] as const)('of %s is read although it is cut short', (_, quote, family, source, destination, header) => {
    const bytes = Buffer.concat([Buffer.alloc(7), quote]);
    expect(readQuotedPacket(bytes, 7, bytes.length)).toEqual({
      family,
      protocol: IpProtocol.udp,
      sourceOffset: 7 + source,
      destinationOffset: 7 + destination,
      transportOffset: 7 + header,
      sourcePort: 5353,
      destinationPort: 33_434,
    });
    expect(readQuotedPacket(bytes, 7, 7 + header + 4)).toBeDefined();
    expect(readQuotedPacket(bytes, 7, 7 + header + 3)).toBeUndefined();
    expect(readQuotedPacket(bytes, 7, 7)).toBeUndefined();
  });
});
