import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonStream, JsonStreamError, MAX_MESSAGE_DEPTH } from './json-stream.js';

/** Splits bytes at the given places, which need not be sorted or distinct. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const ends = [...places, bytes.length];
  let start = 0;
  return ends.map((end) => {
    const chunk = bytes.subarray(start, end);
    start = end;
    return chunk;
  });
}

describe('JsonStream', () => {
  it('gives the same messages whatever the chunks', () => {
    const message = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.array(fc.nat({ max: 100_000 }), { maxLength: 20 }),
        fc.constantFrom('', '\n', ' \t\r\n'),
        (messages, cuts, between) => {
          const texts = messages.map((each) => JSON.stringify(each));
          const bytes = Buffer.from(texts.map((text) => text + between).join(''));
          const stream = new JsonStream();
          expect(chunksOf(bytes, cuts).flatMap((chunk) => stream.push(chunk))).toEqual(texts);
          expect(stream.heldBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads a message given byte by byte, brackets and quotes inside strings included', () => {
    const text = '{"a":"}]\\"{","b":["\\\\",{"c":"é漢😀"}]}';
    const stream = new JsonStream();
    const bytes = Buffer.from(text);
    const ended = [...bytes].flatMap((byte) => stream.push(Buffer.from([byte])));
    expect(ended).toEqual([text]);
  });

  it('looks at each byte once: a large message in small chunks costs what it costs in one', () => {
    const text = JSON.stringify({ rows: Array.from({ length: 20_000 }, (_, i) => ({ name: `row-${i}` })) });
    const bytes = Buffer.from(text);
    const stream = new JsonStream();
    let joined = '';
    for (let at = 0; at < bytes.length; at += 64) joined += stream.push(bytes.subarray(at, at + 64)).join('');
    expect(joined).toBe(text);
  });

  it('refuses a message above its bound, held or in one piece, without keeping more', () => {
    const inPieces = new JsonStream(100);
    expect(inPieces.push(Buffer.from(`{"a":"${'x'.repeat(80)}`))).toEqual([]);
    expect(() => inPieces.push(Buffer.from('x'.repeat(80)))).toThrow(JsonStreamError);
    expect(() => new JsonStream(100).push(Buffer.from(`{"a":"${'x'.repeat(100)}"}`))).toThrow(
      JsonStreamError,
    );
  });

  it.each([['x'], ['"a"'], ['[1]'], ['}'], ['{}]'], ['{"a":1}true'], ['{'.repeat(MAX_MESSAGE_DEPTH + 1)]])(
    'refuses %j',
    (text) => {
      expect(() => new JsonStream().push(Buffer.from(text.slice(0, 2000)))).toThrow(JsonStreamError);
    },
  );

  it('takes any bytes at all: gives texts or a JsonStreamError, nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (chunks) => {
        const stream = new JsonStream(500);
        try {
          for (const chunk of chunks)
            for (const text of stream.push(Buffer.from(chunk))) expect(text[0]).toBe('{');
          expect(stream.heldBytes).toBeLessThanOrEqual(500);
        } catch (error) {
          expect(error).toBeInstanceOf(JsonStreamError);
        }
      }),
      { numRuns: 2000, seed: 7047 },
    );
  });
});
