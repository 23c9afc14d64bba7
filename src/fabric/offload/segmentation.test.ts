import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longFrame, type LongFrame } from '../../../test/fabric/offload-frames.js';
import { checksum, pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import { IpProtocol, readIpv4Header } from '../../wire/ipv4.js';
import { readIpv6Header } from '../../wire/ipv6.js';
import { readTcpHeader, TcpFlag } from '../../wire/tcp.js';
import { completeChecksum, isSound, segmentedBytes, tcpHeadersOf, writeSegment } from './segmentation.js';

const frames = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    payload: fc.uint8Array({ minLength: 1, maxLength: 20_000 }).map((bytes) => Buffer.from(bytes)),
    gsoSize: fc.integer({ min: 48, max: 9000 }),
    flags: fc.integer({ min: 0, max: 0xff }),
    isTagged: fc.boolean(),
  })
  .map((options) => ({ ...options, long: longFrame(options) }));

function cut({ frame, offload }: LongFrame, gsoSize = offload.gsoSize): Buffer[] {
  const headers = tcpHeadersOf(frame, 0, frame.length)!;
  const target = Buffer.alloc(segmentedBytes(frame.length, headers, gsoSize, 0));
  const segments: Buffer[] = [];
  let at = 0;
  for (let number = 0; number * gsoSize < frame.length - headers.payload; number++) {
    const end = writeSegment(frame, 0, frame.length, headers, gsoSize, number, target, at);
    segments.push(target.subarray(at, end));
    at = end;
  }
  expect(at).toBe(target.length);
  return segments;
}

function tcpSum(segment: Buffer, ip: number, family: 4 | 6): number {
  const tcp = ip + (family === 4 ? 20 : 40);
  const bytes = segment.length - tcp;
  const sum =
    family === 4
      ? pseudoHeaderSumIpv4(
          segment.readUInt32BE(ip + 12),
          segment.readUInt32BE(ip + 16),
          IpProtocol.tcp,
          bytes,
        )
      : pseudoHeaderSumIpv6(segment, ip, IpProtocol.tcp, bytes);
  return checksum(segment, tcp, segment.length, sum);
}

describe('segments', () => {
  it('hold the payload in order, with headers and checksums that are right', () => {
    fc.assert(
      fc.property(frames, ({ family, payload, gsoSize, flags, long }) => {
        const segments = cut(long, gsoSize);
        expect(Buffer.concat(segments.map((segment) => segment.subarray(long.payload)))).toEqual(payload);
        for (const [number, segment] of segments.entries()) {
          const { ip } = long;
          const isLast = number === segments.length - 1;
          if (family === 4) {
            // Its checksum is looked at too.
            const header = readIpv4Header(segment, ip, segment.length);
            expect(header?.totalBytes).toBe(segment.length - ip);
            expect(segment.readUInt16BE(ip + 4)).toBe((0xfffe + number) & 0xffff);
          } else expect(readIpv6Header(segment, ip, segment.length)?.end).toBe(segment.length);
          const tcp = readTcpHeader(segment, ip + (family === 4 ? 20 : 40), segment.length);
          expect(tcp?.sequence).toBe((0xffff_ff00 + number * gsoSize) >>> 0);
          expect(tcpSum(segment, ip, family)).toBe(0);
          const lastOnly = TcpFlag.fin | TcpFlag.psh;
          expect(tcp!.flags & lastOnly).toBe(isLast ? flags & lastOnly : 0);
          expect(segment[ip + (family === 4 ? 20 : 40) + 13]! & 0x80).toBe(number === 0 ? flags & 0x80 : 0);
        }
      }),
    );
  });

  it('need no more than a checksum where there is one only', () => {
    fc.assert(
      fc.property(frames, ({ family, long }) => {
        completeChecksum(long.frame, 0, long.frame.length, long.offload);
        expect(tcpSum(long.frame, long.ip, family)).toBe(0);
      }),
    );
  });
});

describe('isSound', () => {
  const { frame, offload } = longFrame({ family: 4, payload: Buffer.alloc(5000), gsoSize: 1460 });
  const sound = (change: object, bytes = frame, mtuBytes = 1500): boolean =>
    isSound(bytes, 0, bytes.length, { ...offload, ...change }, mtuBytes);
  const withByte = (offset: number, value: number): Buffer => {
    const changed = Buffer.from(frame);
    changed[offset] = value;
    return changed;
  };

  it('takes what a kernel makes, with its segments up to the MTU', () => {
    expect(sound({})).toBe(true);
    expect(sound({ gsoSize: 1461 })).toBe(false);
    expect(sound({}, frame, 1499)).toBe(false);
  });

  it.each<[string, boolean]>([
    ['no place for a checksum', sound({ checksumStart: 0 })],
    ['a checksum behind the end', sound({ checksumStart: frame.length - 10 })],
    ['another checksum than TCP has', sound({ checksumOffset: 6 })],
    ['segments of nothing', sound({ gsoSize: 0 })],
    ['thousands of segments', sound({ gsoSize: 1 })],
    ['the other family', sound({ gsoType: 4 })],
    ['an unknown kind of segments', sound({ gsoType: 3 })],
    ['a length that is not the frame’s', sound({}, withByte(17, 1))],
    ['a fragment', sound({}, withByte(20, 0x20))],
    ['another protocol', sound({}, withByte(23, 17))],
    ['an IP header longer than the frame has', sound({}, withByte(14, 0x4f))],
    ['a TCP header shorter than one can be', sound({}, withByte(46, 0x10))],
  ])('refuses %s', (_, isTaken) => {
    expect(isTaken).toBe(false);
  });

  it('takes no frame for sound that cannot be cut, whatever its bytes', () => {
    const bytes = fc.uint8Array({ minLength: 14, maxLength: 200 }).map((array) => Buffer.from(array));
    const u16 = fc.integer({ min: 0, max: 0xffff });
    const fields = fc.record({
      checksumStart: u16,
      checksumOffset: u16,
      gsoSize: u16,
      gsoType: fc.constantFrom(0, 1, 4, 255),
      headerBytes: u16,
    });
    fc.assert(
      fc.property(bytes, fields, (hostile, left) => {
        if (!isSound(hostile, 0, hostile.length, left, 1500)) return;
        if (left.gsoType === 0) completeChecksum(hostile, 0, hostile.length, left);
        else cut({ frame: hostile, offload: left, ip: 0, payload: 0 });
      }),
      { numRuns: 5000, seed: 1 },
    );
  });
});
