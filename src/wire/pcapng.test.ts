import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodePacket, encodeStatistics, PacketDirection } from './pcapng.js';

interface Block {
  readonly type: number;
  readonly body: Buffer;
}

/** Reads blocks as the specification describes them, without sharing code with the writer. */
function parseBlocks(bytes: Buffer): Block[] {
  const blocks: Block[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const total = bytes.readUInt32LE(offset + 4);
    expect(total % 4).toBe(0);
    expect(bytes.readUInt32LE(offset + total - 4)).toBe(total);
    blocks.push({ type: bytes.readUInt32LE(offset), body: bytes.subarray(offset + 8, offset + total - 4) });
    offset += total;
  }
  return blocks;
}

function parseOptions(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  let offset = 0;
  for (;;) {
    const code = bytes.readUInt16LE(offset);
    const length = bytes.readUInt16LE(offset + 2);
    if (code === 0) {
      expect(length).toBe(0);
      expect(offset + 4).toBe(bytes.length);
      return options;
    }
    options.set(code, bytes.subarray(offset + 4, offset + 4 + length));
    offset += 4 + Math.ceil(length / 4) * 4;
  }
}

describe('pcapng', () => {
  it('opens with a section header and an interface named by the caller', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.nat(0xffff_ffff), (name, snap) => {
        const [section, description] = parseBlocks(encodeHeader('passerelle', name, snap));
        expect(section?.type).toBe(0x0a0d0d0a);
        expect(section?.body.readUInt32LE(0)).toBe(0x1a2b3c4d);
        expect(section?.body.readUInt16LE(4)).toBe(1);
        expect(section?.body.readBigInt64LE(8)).toBe(-1n);
        expect(description?.type).toBe(1);
        expect(description?.body.readUInt16LE(0)).toBe(1);
        expect(description?.body.readUInt32LE(4)).toBe(snap);
        expect(parseOptions(description!.body.subarray(8)).get(2)?.toString('utf8')).toBe(
          Buffer.from(name, 'utf8').toString('utf8'),
        );
      }),
    );
  });

  it('gives back every packet with its time, direction, length and drops', () => {
    const packet = fc.record({
      timestampMicroseconds: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
      direction: fc.constantFrom(PacketDirection.inbound, PacketDirection.outbound),
      cutBytes: fc.nat(100),
      dropCount: fc.oneof(fc.constant(0), fc.nat(1_000_000)),
      frame: fc.uint8Array({ maxLength: 200 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), (packets) => {
        const encoded = packets.map(({ frame, cutBytes, ...rest }) =>
          encodePacket(
            { ...rest, originalBytes: frame.length + cutBytes },
            Buffer.from([9, ...frame, 9]),
            1,
            1 + frame.length,
          ),
        );
        const blocks = parseBlocks(Buffer.concat(encoded));
        expect(blocks).toHaveLength(packets.length);
        for (const [index, { type, body }] of blocks.entries()) {
          const expected = packets[index]!;
          expect(type).toBe(6);
          expect(body.readUInt32LE(0)).toBe(0);
          const timestamp = (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8));
          expect(timestamp).toBe(BigInt(expected.timestampMicroseconds));
          const captured = body.readUInt32LE(12);
          expect(body.readUInt32LE(16)).toBe(expected.frame.length + expected.cutBytes);
          expect([...body.subarray(20, 20 + captured)]).toEqual([...expected.frame]);
          const options = parseOptions(body.subarray(20 + Math.ceil(captured / 4) * 4));
          expect(options.get(2)?.readUInt32LE(0)).toBe(expected.direction);
          expect(Number(options.get(4)?.readBigUInt64LE(0) ?? 0n)).toBe(expected.dropCount);
        }
      }),
    );
  });

  it('ends with the counts of the interface', () => {
    const [statistics] = parseBlocks(encodeStatistics(1_700_000_000_000_123, 70, 5));
    expect(statistics?.type).toBe(5);
    const options = parseOptions(statistics!.body.subarray(12));
    expect(options.get(4)?.readBigUInt64LE(0)).toBe(70n);
    expect(options.get(5)?.readBigUInt64LE(0)).toBe(5n);
  });
});
