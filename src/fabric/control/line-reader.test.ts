import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineReader } from './line-reader.js';

it('gives the same lines however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 50 }).filter((text) => !text.includes('\n'))),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (lines, sizes) => {
        const stream = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const reader = new LineReader(1000);
        const read: string[] = [];
        for (let offset = 0, turn = 0; offset < stream.length; turn++) {
          const chunk = stream.subarray(offset, offset + sizes[turn % sizes.length]!);
          read.push(...reader.read(chunk));
          offset += chunk.length;
        }
        expect(read).toEqual(lines.map((line) => Buffer.from(line).toString()));
      },
    ),
  );
});

it('refuses a line beyond its bound, in one piece or many', () => {
  expect(new LineReader(10).read(Buffer.from('0123456789\n'))).toEqual(['0123456789']);
  expect(() => new LineReader(10).read(Buffer.from('01234567890'))).toThrow(RangeError);
  const reader = new LineReader(10_000);
  expect(() => {
    for (let index = 0; index < 10_001; index++) reader.read(Buffer.from('x'));
  }).toThrow(RangeError);
});
