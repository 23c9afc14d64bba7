import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../../test/fabric/nat/fake-clock.js';
import { ModelGuest } from '../../../../test/fabric/nat/model-guest.js';
import { Random } from '../../../../test/fabric/nat/random.js';
import { GUEST_MAC, RecordedLink } from '../../../../test/fabric/nat/recorded-link.js';
import { SimulatedHost } from '../../../../test/fabric/nat/simulated-host.js';
import { UserNat } from '../user-nat.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

interface Trouble {
  readonly loss: number;
  readonly duplication: number;
  /** Chance that a packet is held back behind later ones. */
  readonly reordering: number;
  readonly delayMs: number;
}

interface Case {
  readonly trouble: Trouble;
  readonly toHostBytes: number;
  readonly toGuestBytes: number;
  readonly mssBytes?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly bufferBytes?: number;
  readonly readBytesPer10Ms?: number;
  /** Writes of the host stay outstanding for up to this long. */
  readonly hostTakesMs: number;
  readonly guestInitial: number;
  readonly natInitial: number;
  readonly closesFirst: 'guest' | 'host';
}

/** Runs one transfer both ways over a bad network. @throws when it does not come to its end. */
function transfer(seed: number, given: Case) {
  const random = new Random(seed);
  const clock = new FakeClock();
  const host = new SimulatedHost(clock);
  host.behaviour = {
    connectMs: random.integer(0, 50),
    takeMs: () => (given.hostTakesMs > 0 && random.chance(0.7) ? random.integer(1, given.hostTakesMs) : 0),
  };
  const nat = new UserNat({ clock, dialTcp: host.dial, initialSequence: () => given.natInitial });
  const { trouble } = given;

  const carry = (packet: Buffer, arrive: (packet: Buffer) => void) => {
    const copies = random.chance(trouble.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (random.chance(trouble.loss)) continue;
      const heldMs = random.chance(trouble.reordering) ? random.integer(1, 20) : 0;
      clock.after(trouble.delayMs + heldMs, () => arrive(Buffer.from(packet)));
    }
  };
  const link = new RecordedLink(({ packet }) => {
    guest.watch(packet);
    carry(packet, (arrived) => guest.receive(arrived));
  });
  // Packets that arrive in the same millisecond are one batch.
  let batch: Buffer[] = [];
  const toNat = (packet: Buffer) => {
    batch.push(packet);
    if (batch.length > 1) return;
    clock.after(0, () => {
      const packets = batch;
      batch = [];
      for (const each of packets) nat.receive(link, each, 0, each.length, GUEST_MAC);
      nat.endOfBatch(link);
      link.flush();
    });
  };
  const guest: ModelGuest = new ModelGuest({
    ...given,
    clock,
    initialSequence: given.guestInitial,
    send: (packet) => carry(packet, toNat),
  });

  const upload = random.bytes(given.toHostBytes);
  const download = random.bytes(given.toGuestBytes);
  guest.connect();
  const opened = clock.runUntil(() => guest.state === 'open', 120_000);
  expect(opened, 'handshake').toBe(true);
  const stream = host.streams[0]!;
  guest.write(upload);
  stream.send(download, given.closesFirst === 'host');
  if (given.closesFirst === 'guest') guest.close();

  const ended = clock.runUntil(() => {
    if (given.closesFirst === 'host' && guest.finReceived) guest.close();
    if (given.closesFirst === 'guest' && stream.ended) stream.send(Buffer.alloc(0), true);
    return guest.done && stream.ended;
  }, 3_600_000);
  expect(guest.violations).toEqual([]);
  expect(ended, 'transfer').toBe(true);
  expect(stream.receivedBytes.equals(upload), 'bytes to the host').toBe(true);
  expect(guest.receivedBytes.equals(download), 'bytes to the guest').toBe(true);
  expect(stream.wasReset).toBe(false);
  clock.advance(600_000);
  expect(nat.flowCounts('web').tcp).toBe(0);
  return { guest, clock };
}

const calm: Trouble = { loss: 0, duplication: 0, reordering: 0, delayMs: 1 };
const plain: Case = {
  trouble: calm,
  toHostBytes: 100_000,
  toGuestBytes: 100_000,
  mssBytes: 1460,
  windowScale: 7,
  sackPermitted: true,
  bufferBytes: 200_000,
  hostTakesMs: 0,
  guestInitial: 1000,
  natInitial: 5000,
  closesFirst: 'guest',
};

describe('TCP over a simulated network', () => {
  it('carries bytes both ways when nothing goes wrong', () => {
    transfer(1, plain);
    transfer(2, { ...plain, closesFirst: 'host' });
  });

  it('survives the wrap of sequence numbers on both sides', () => {
    for (const closesFirst of ['guest', 'host'] as const) {
      transfer(3, {
        ...plain,
        guestInitial: 0xffff_ffff - 30_000,
        natInitial: 0xffff_ffff - 50_000,
        closesFirst,
      });
      transfer(4, { ...plain, guestInitial: 0xffff_ffff, natInitial: 0xffff_ffff, closesFirst });
      transfer(5, { ...plain, guestInitial: 0x7fff_ffff, natInitial: 0x7fff_ff00, closesFirst });
    }
  });

  it('keeps to windows of a few bytes', () => {
    transfer(6, { ...plain, toGuestBytes: 3000, windowScale: 0, bufferBytes: 7, readBytesPer10Ms: 3 });
    transfer(7, { ...plain, toGuestBytes: 20_000, bufferBytes: 1000, readBytesPer10Ms: 700 });
  });

  it('closes its own window while the host does not read', () => {
    transfer(8, { ...plain, toHostBytes: 400_000, hostTakesMs: 400 });
  });

  it('speaks to a guest without options', () => {
    const { mssBytes: _mss, windowScale: _scale, sackPermitted: _sack, ...bare } = plain;
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
