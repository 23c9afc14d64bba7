import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeClasslessRoutes,
  decodeClientFqdn,
  decodeUint32,
  encodeClasslessRoutes,
  encodeClientFqdn,
} from './dhcp-options.js';

const address = fc.integer({ min: 0, max: 0xffffffff });
const maskOf = (prefixLength: number) => (prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0);
const route = fc
  .record({ address, prefixLength: fc.integer({ min: 0, max: 32 }), router: address })
  .map((value) => ({ ...value, address: (value.address & maskOf(value.prefixLength)) >>> 0 }));

describe('classless routes (option 121)', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(route, { maxLength: 6 }), (routes) => {
        expect(decodeClasslessRoutes(encodeClasslessRoutes(routes))).toEqual(routes);
      }),
    );
  });

  it.each([
    [0, 0, '000a010203'],
    [0x0a000000, 8, '080a0a010203'],
    [0x0a1b8100, 24, '180a1b810a010203'],
    [0x0a198010, 30, '1e0a1980100a010203'],
  ])('writes the descriptors of RFC 3442 (%i/%i)', (network, prefixLength, hex) => {
    const value = encodeClasslessRoutes([{ address: network, prefixLength, router: 0x0a010203 }]);
    expect(value.toString('hex')).toBe(hex);
  });

  it('refuses a mask over 32 and a route cut short', () => {
    expect(decodeClasslessRoutes(Buffer.from([33, 1, 2, 3, 4, 5, 1, 2, 3, 4]))).toBeUndefined();
    expect(decodeClasslessRoutes(Buffer.from([24, 1, 2, 3, 1, 2, 3]))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        decodeClasslessRoutes(Buffer.from(bytes));
        decodeClientFqdn(Buffer.from(bytes));
        decodeUint32(Buffer.from(bytes));
      }),
      { numRuns: 2000, seed: 3442 },
    );
  });
});

describe('client FQDN (option 81)', () => {
  const name = fc
    .array(fc.stringMatching(/^[a-z0-9]{1,10}$/), { minLength: 1, maxLength: 4 })
    .map((labels) => labels.join('.'));
  const fqdn = fc.record({
    serverUpdates: fc.boolean(),
    serverOverrides: fc.boolean(),
    wireEncoded: fc.boolean(),
    noUpdate: fc.boolean(),
    name,
  });

  it('reads back what it wrote, in both encodings', () => {
    fc.assert(
      fc.property(fqdn, (value) => {
        expect(decodeClientFqdn(encodeClientFqdn(value))).toEqual(value);
      }),
    );
  });

  it('reads a partial name, which has no final label', () => {
    expect(decodeClientFqdn(Buffer.from('\x05\0\0\x04web1', 'latin1'))?.name).toBe('web1');
    expect(decodeClientFqdn(Buffer.from([5, 0, 0]))?.name).toBe('');
  });
});
