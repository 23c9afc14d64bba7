import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QmpConnectionError } from './message.js';
import { MessageReader } from './message-reader.js';

const line = fc.oneof(
  fc.record({ return: fc.jsonValue().filter((value) => value !== undefined), id: fc.nat() }),
  fc.record({ event: fc.string(), data: fc.dictionary(fc.string(), fc.integer()) }),
  fc.record({ error: fc.record({ class: fc.string(), desc: fc.string() }), id: fc.nat() }),
);

describe('MessageReader', () => {
  it('finds the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (lines, cut) => {
        const wire = Buffer.from(lines.map((message) => `${JSON.stringify(message)}\r\n`).join(''));
        const whole = new MessageReader().push(wire);
        const reader = new MessageReader();
        const pieces = [];
        for (let at = 0; at < wire.length; at += cut)
          pieces.push(...reader.push(wire.subarray(at, at + cut)));
        expect(pieces).toEqual(whole);
        expect(whole).toHaveLength(lines.length);
      }),
    );
  });

  it('never holds more than a line of the allowed size', () => {
    const reader = new MessageReader(1000);
    const fill = Buffer.alloc(300, 'x');
    expect(reader.push(fill)).toEqual([]);
    expect(reader.push(fill)).toEqual([]);
    expect(reader.push(fill)).toEqual([]);
    expect(() => reader.push(fill)).toThrow('exceeds 1000 bytes');
    expect(() => new MessageReader(10).push(Buffer.from('{"event": "LONG"}\n'))).toThrow(QmpConnectionError);
  });

  it('fuzz: any bytes give messages or a QmpConnectionError, nothing else', () => {
    const good = Buffer.from('{"return": {}, "id": 1}\r\n{"event": "STOP"}\r\n');
    const mutated = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 })
      .map((edits) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of edits) bytes[at] = byte;
        return bytes;
      });
    const chunk = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 10 }), (chunks) => {
        const reader = new MessageReader(512);
        try {
          for (const bytes of chunks) reader.push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(QmpConnectionError);
        }
      }),
      { numRuns: 3000, seed: 20_26 },
    );
  });
});
