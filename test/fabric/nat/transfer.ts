/** One TCP connection of a model guest over a bad network, both ways at once, byte for byte, in simulated time. */
import { expect } from 'vitest';
import { UserNat } from '../../../src/fabric/nat/user-nat.js';
import { FakeClock } from './fake-clock.js';
import { ModelGuest } from './model-guest.js';
import { Random } from './random.js';
import { GUEST_MAC, RecordedLink } from './recorded-link.js';
import { SimulatedHost } from './simulated-host.js';

export interface Trouble {
  readonly loss: number;
  readonly duplication: number;
  /** Chance that a packet is held back behind later ones. */
  readonly reordering: number;
  readonly delayMs: number;
}

export interface Case {
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

export interface Outcome {
  /** From the end of the handshake until both sides had all bytes, simulated. */
  readonly carriedMs: number;
}

/** Runs one transfer both ways over a bad network. @throws when it does not come to its end. */
export function transfer(seed: number, given: Case): Outcome {
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

  const startedAtMs = clock.nowMs();
  let carriedAtMs: number | undefined;
  const ended = clock.runUntil(() => {
    if (stream.receivedCount === upload.length && guest.receivedCount === download.length)
      carriedAtMs ??= clock.nowMs();
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
  return { carriedMs: (carriedAtMs ?? clock.nowMs()) - startedAtMs };
}

export const CALM: Trouble = { loss: 0, duplication: 0, reordering: 0, delayMs: 1 };
export const PLAIN: Case = {
  trouble: CALM,
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
