import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
  readNeighbourAdvertisement,
  readNeighbourSolicitation,
  readRouterAdvertisement,
  readRouterSolicitation,
} from './ndp.js';

const mac = fc.maxSafeNat().map((value) => value % 2 ** 48);
const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
const unicast = address.map((bytes) => Uint8Array.from([0xfd, ...bytes.subarray(1)]));
const u32 = fc.nat(0xffff_ffff);
const domain = fc
  .array(fc.stringMatching(/^[a-z0-9-]{1,20}$/), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'));

const advertisement = fc.record(
  {
    hopLimit: fc.nat(255),
    managed: fc.boolean(),
    otherConfiguration: fc.boolean(),
    routerLifetimeSeconds: fc.nat(0xffff),
    reachableTimeMs: u32,
    retransmitTimerMs: u32,
    sourceMac: mac,
    mtuBytes: u32,
    prefixes: fc.array(
      fc.record({
        prefix: address,
        prefixLength: fc.nat(128),
        onLink: fc.boolean(),
        autonomous: fc.boolean(),
        validLifetimeSeconds: u32,
        preferredLifetimeSeconds: u32,
      }),
      { maxLength: 3 },
    ),
    rdnss: fc.record({
      lifetimeSeconds: u32,
      servers: fc.array(address, { minLength: 1, maxLength: 3 }),
    }),
    dnssl: fc.record({
      lifetimeSeconds: u32,
      domains: fc.array(domain, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    requiredKeys: [
      'hopLimit',
      'managed',
      'otherConfiguration',
      'routerLifetimeSeconds',
      'reachableTimeMs',
      'retransmitTimerMs',
      'prefixes',
    ],
  },
);

describe('neighbour discovery', () => {
  it('keeps router advertisements through bytes', () => {
    fc.assert(
      fc.property(advertisement, (value) => {
        const bytes = encodeRouterAdvertisement(value);
        expect(bytes.length % 8).toBe(0);
        expect(readRouterAdvertisement(bytes, 0, bytes.length)).toEqual(value);
      }),
    );
  });

  it('keeps solicitations and neighbour advertisements through bytes', () => {
    const flags = fc.record({ router: fc.boolean(), solicited: fc.boolean(), override: fc.boolean() });
    fc.assert(
      fc.property(unicast, mac, flags, fc.boolean(), (target, sourceMac, bits, withMac) => {
        const source = withMac ? { sourceMac } : {};
        const rs = encodeRouterSolicitation(source);
        expect(readRouterSolicitation(rs, 0, rs.length)).toEqual(source);
        const ns = encodeNeighbourSolicitation({ target, ...source });
        expect(readNeighbourSolicitation(ns, 0, ns.length)).toEqual({ target, ...source });
        const reply = { target, ...bits, ...(withMac ? { targetMac: sourceMac } : {}) };
        const na = encodeNeighbourAdvertisement(reply);
        expect(readNeighbourAdvertisement(na, 0, na.length)).toEqual(reply);
        for (const [read, bytes] of [
          [readRouterSolicitation, rs],
          [readNeighbourSolicitation, ns],
        ] as const) {
          expect(read(bytes, 0, bytes.length - 1)).toBeUndefined();
        }
      }),
    );
  });

  it('refuses options of length 0 and multicast targets (RFC 4861 section 7.1.1)', () => {
    const target = Uint8Array.from({ length: 16 }, () => 0xfd);
    const solicitation = encodeNeighbourSolicitation({ target, sourceMac: 1 });
    expect(readNeighbourSolicitation(solicitation, 0, solicitation.length)).toBeDefined();
    solicitation[25] = 0;
    expect(readNeighbourSolicitation(solicitation, 0, solicitation.length)).toBeUndefined();
    const multicast = encodeNeighbourSolicitation({ target: target.fill(0xff, 0, 1) });
    expect(readNeighbourSolicitation(multicast, 0, multicast.length)).toBeUndefined();
  });
});
