import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum, pseudoHeaderSumIpv4 } from './checksum.js';
import {
  readTcpHeader,
  readTcpOptions,
  sequenceAdd,
  sequenceAfter,
  sequenceBefore,
  sequenceDistance,
  setTcpChecksum,
  tcpHeaderBytes,
  writeTcpHeader,
} from './tcp.js';
import { readUdpHeader, setUdpChecksum, udpChecksumHolds, writeUdpHeader } from './udp.js';

const port = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);

describe('UDP', () => {
  it('keeps datagrams through bytes, checksum included', () => {
    fc.assert(
      fc.property(
        port,
        port,
        fc.uint8Array({ maxLength: 200 }),
        u32,
        (sourcePort, destinationPort, data, sum) => {
          const bytes = Buffer.alloc(8 + data.length);
          bytes.set(data, writeUdpHeader(bytes, 0, sourcePort, destinationPort, bytes.length));
          setUdpChecksum(bytes, 0, bytes.length, sum);
          const header = readUdpHeader(bytes, 0, bytes.length)!;
          expect(header).toMatchObject({ sourcePort, destinationPort, lengthBytes: bytes.length });
          expect(header.checksum).not.toBe(0);
          expect(udpChecksumHolds(bytes, 0, bytes.length, sum)).toBe(true);
          bytes[0]! ^= 0x10;
          expect(udpChecksumHolds(bytes, 0, bytes.length, sum)).toBe(false);
        },
      ),
    );
  });

  it('is refused when its length does not fit', () => {
    const bytes = Buffer.alloc(12);
    for (const [lengthBytes, good] of [
      [7, false],
      [8, true],
      [12, true],
      [13, false],
    ] as const) {
      writeUdpHeader(bytes, 0, 1, 2, lengthBytes);
      expect(readUdpHeader(bytes, 0, 12) !== undefined).toBe(good);
    }
  });
});

const options = fc.record(
  {
    mssBytes: port,
    windowScale: fc.nat(14),
    sackPermitted: fc.constant(true),
    timestamps: fc.record({ value: u32, echoReply: u32 }),
    sackBlocks: fc.array(fc.record({ left: u32, right: u32 }), { minLength: 1, maxLength: 1 }),
  },
  { requiredKeys: [] },
);

describe('TCP', () => {
  it('keeps segments through bytes, checksum and options included', () => {
    const header = fc.record({
      sourcePort: port,
      destinationPort: port,
      sequence: u32,
      acknowledgement: u32,
      flags: fc.nat(255),
      window: port,
    });
    fc.assert(
      fc.property(header, options, fc.uint8Array({ maxLength: 100 }), (value, chosen, data) => {
        const bytes = Buffer.alloc(3 + tcpHeaderBytes(chosen) + data.length, 0xee);
        const { sourcePort, destinationPort, sequence, acknowledgement, flags, window } = value;
        const payload = writeTcpHeader(
          bytes,
          3,
          sourcePort,
          destinationPort,
          sequence,
          acknowledgement,
          flags,
          window,
          chosen,
        );
        bytes.set(data, payload);
        const pseudo = pseudoHeaderSumIpv4(0x0a000001, 0x0a000002, 6, bytes.length - 3);
        setTcpChecksum(bytes, 3, bytes.length, pseudo);
        const read = readTcpHeader(bytes, 3, bytes.length)!;
        expect(read).toEqual({ ...value, headerBytes: payload - 3 });
        expect(readTcpOptions(bytes, 3, read.headerBytes)).toEqual(chosen);
        expect(checksum(bytes, 3, bytes.length, pseudo)).toBe(0);
      }),
    );
  });

  it('reads no option beyond a malformed one', () => {
    const bytes = Buffer.alloc(32);
    bytes.set([1, 2, 4, 0x05, 0xb4, 3, 0, 7, 4, 2], 20);
    expect(readTcpOptions(bytes, 0, 32)).toEqual({ mssBytes: 1460 });
    bytes.set([2, 4, 0x05, 0xb4, 0, 3, 3, 7], 20);
    expect(readTcpOptions(bytes, 0, 32)).toEqual({ mssBytes: 1460 });
    bytes.set([3, 3, 200], 20);
    expect(readTcpOptions(bytes, 0, 24)).toEqual({ windowScale: 14 });
  });

  it('is refused when its header length does not fit', () => {
    const bytes = Buffer.alloc(40);
    for (const [words, good] of [
      [4, false],
      [5, true],
      [10, true],
      [11, false],
    ] as const) {
      bytes[12] = words << 4;
      expect(readTcpHeader(bytes, 0, 40) !== undefined).toBe(good);
    }
  });

  it('compares sequence numbers around the wrap', () => {
    fc.assert(
      fc.property(u32, fc.integer({ min: 1, max: 0x7fff_ffff }), (sequence, bytes) => {
        const later = sequenceAdd(sequence, bytes);
        expect(sequenceDistance(later, sequence)).toBe(bytes);
        expect(sequenceAfter(later, sequence)).toBe(true);
        expect(sequenceBefore(sequence, later)).toBe(true);
        expect(sequenceAfter(sequence, sequence)).toBe(false);
      }),
    );
  });
});
