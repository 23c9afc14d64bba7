import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_VDE_REQUEST_BYTES, parseVdeRequest, VDE_REQUEST_BYTES } from './vde-control.js';

interface Wish {
  readonly magic?: number;
  readonly version?: number;
  readonly type?: number;
  readonly family?: number;
  readonly path?: Buffer;
  readonly description?: string;
}

function request(wish: Wish = {}, isLittle = true): Buffer {
  const description = Buffer.from(wish.description ?? 'vdeplug: user=kim pid=7', 'latin1');
  const bytes = Buffer.alloc(VDE_REQUEST_BYTES + description.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, wish.magic ?? 0xfeedface, isLittle);
  view.setUint32(4, wish.version ?? 3, isLittle);
  view.setUint32(8, wish.type ?? 0, isLittle);
  view.setUint16(12, wish.family ?? 1, isLittle);
  bytes.set(wish.path ?? Buffer.from('/run/lab/.7-00000'), 14);
  bytes.set(description, VDE_REQUEST_BYTES);
  return bytes;
}

describe('what a client says first to a VDE switch', () => {
  it.each([true, false])('is read in the byte order that the magic shows: little %s', (isLittle) => {
    expect(parseVdeRequest(request({}, isLittle))).toEqual({
      socketPath: '/run/lab/.7-00000',
      description: 'vdeplug: user=kim pid=7',
    });
    // Port 12 asked for.
    expect(parseVdeRequest(request({ type: 12 * 256 }, isLittle))).toHaveProperty('socketPath');
  });

  it('may come in pieces, and without a description', () => {
    const bytes = request({ description: '' });
    expect(parseVdeRequest(bytes.subarray(0, 100))).toBe('incomplete');
    expect(parseVdeRequest(bytes)).toHaveProperty('description', '');
  });

  it('says nothing that a terminal would obey', () => {
    expect(parseVdeRequest(request({ description: 'a\x1b[2Jb\nc' }))).toHaveProperty(
      'description',
      'a?[2Jb?c',
    );
  });

  it.each<[string, Wish]>([
    ['another magic', { magic: 0xfeedfacf }],
    ['another version', { version: 2 }],
    ['another type', { type: 2 }],
    ['another family', { family: 2 }],
    ['an abstract socket', { path: Buffer.from('\0hidden') }],
    ['a relative path', { path: Buffer.from('tmp/x') }],
    ['a path without an end', { path: Buffer.alloc(108, '/') }],
    ['too much', { description: 'x'.repeat(129) }],
  ])('is refused with %s', (_, wish) => {
    expect(parseVdeRequest(request(wish))).toBeUndefined();
  });

  it('may be any bytes at all', () => {
    const near = fc
      .tuple(fc.nat(VDE_REQUEST_BYTES - 1), fc.nat(255))
      .map(([at, value]) => Buffer.from(request()).fill(value, at, at + 1));
    fc.assert(
      fc.property(
        fc.oneof(
          near,
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          const parsed = parseVdeRequest(bytes);
          if (parsed === 'incomplete') expect(bytes.length).toBeLessThan(VDE_REQUEST_BYTES);
          else if (parsed !== undefined) {
            expect(parsed.socketPath).toMatch(/^\/[^\0]{0,106}$/s);
            expect(parsed.description).toMatch(/^[\x20-\x7e]{0,128}$/);
            expect(bytes.length).toBeLessThanOrEqual(MAX_VDE_REQUEST_BYTES);
          }
        },
      ),
      { seed: 29, numRuns: 3000 },
    );
  });
});
