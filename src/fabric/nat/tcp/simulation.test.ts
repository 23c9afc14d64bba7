import { describe, it } from 'vitest';
import { Random } from '../../../../test/fabric/nat/random.js';
import { PLAIN, transfer } from '../../../../test/fabric/nat/transfer.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

describe('TCP over a simulated network', () => {
  it('carries bytes both ways when nothing goes wrong', () => {
    transfer(1, PLAIN);
    transfer(2, { ...PLAIN, closesFirst: 'host' });
  });

  it('survives the wrap of sequence numbers on both sides', () => {
    for (const closesFirst of ['guest', 'host'] as const) {
      transfer(3, {
        ...PLAIN,
        guestInitial: 0xffff_ffff - 30_000,
        natInitial: 0xffff_ffff - 50_000,
        closesFirst,
      });
      transfer(4, { ...PLAIN, guestInitial: 0xffff_ffff, natInitial: 0xffff_ffff, closesFirst });
      transfer(5, { ...PLAIN, guestInitial: 0x7fff_ffff, natInitial: 0x7fff_ff00, closesFirst });
    }
  });

  it('keeps to windows of a few bytes', () => {
    transfer(6, { ...PLAIN, toGuestBytes: 3000, windowScale: 0, bufferBytes: 7, readBytesPer10Ms: 3 });
    transfer(7, { ...PLAIN, toGuestBytes: 20_000, bufferBytes: 1000, readBytesPer10Ms: 700 });
  });

  it('closes its own window while the host does not read', () => {
    transfer(8, { ...PLAIN, toHostBytes: 400_000, hostTakesMs: 400 });
  });

  it('speaks to a guest without options', () => {
    const { mssBytes: _mss, windowScale: _scale, sackPermitted: _sack, ...bare } = PLAIN;
    transfer(9, bare);
  });

  const seeds = Array.from({ length: 60 }, (_, index) => index + 100);
  fuzz('survives trouble', seeds, (seed) => {
    const random = new Random(seed);
    const around = () =>
      random.chance(0.5) ? 0xffff_ffff - random.integer(0, 60_000) : random.integer(0, 0xffff_ffff);
    transfer(seed, {
      trouble: {
        loss: random.pick([0, 0.01, 0.05, 0.2]),
        duplication: random.pick([0, 0.02, 0.2]),
        reordering: random.pick([0, 0.05, 0.3]),
        delayMs: random.pick([0, 1, 20]),
      },
      toHostBytes: random.integer(0, 60_000),
      toGuestBytes: random.integer(0, 60_000),
      ...(random.chance(0.8) ? { mssBytes: random.pick([100, 536, 1460]) } : {}),
      ...(random.chance(0.7) ? { windowScale: random.integer(0, 9) } : {}),
      sackPermitted: random.chance(0.5),
      bufferBytes: random.pick([1500, 20_000, 300_000]),
      ...(random.chance(0.5) ? { readBytesPer10Ms: random.pick([500, 5000, 50_000]) } : {}),
      hostTakesMs: random.pick([0, 0, 5, 60]),
      guestInitial: around(),
      natInitial: around(),
      closesFirst: random.pick(['guest', 'host']),
    });
  });
});
