import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lease, type LeaseState, LeaseTable } from './lease-table.js';
import { type AddressPool, isPooled } from './settings.js';

const pool: AddressPool = { first: 100, size: 10, reserved: new Set([105, 200]) };
const entry = (mac: number, address: number, state: LeaseState, expiresAtMs: number): Lease => ({
  mac,
  address,
  state,
  expiresAtMs,
});

function filled(state: (index: number) => LeaseState, expiresAtMs: (index: number) => number): LeaseTable {
  const table = new LeaseTable(pool);
  for (let index = 0; index < 9; index++) {
    const address = table.vacant(index + 1, 0);
    if (address === undefined) throw new Error('the pool has nine addresses');
    table.set(entry(index + 1, address, state(index), expiresAtMs(index)));
  }
  return table;
}

describe('LeaseTable', () => {
  it('hands out every pool address once, then none while all are leased', () => {
    const table = filled(
      () => 'bound',
      () => 1000,
    );
    const addresses = [...table.entries()].map(({ address }) => address);
    expect(new Set(addresses).size).toBe(9);
    expect(addresses).not.toContain(105);
    expect(table.vacant(99, 999)).toBeUndefined();
  });

  it('uses what expired first, then the oldest offer, then the oldest quarantined, never a live lease', () => {
    const table = filled(
      (index) => (index < 3 ? 'bound' : index < 6 ? 'offered' : 'declined'),
      (index) => (index < 2 ? 500 - index : 10_000),
    );
    const used: number[] = [];
    for (let client = 50; client < 58; client++) {
      const address = table.vacant(client, 600);
      if (address === undefined) throw new Error('something is left');
      used.push(table.at(address)?.mac ?? 0);
      table.set(entry(client, address, 'bound', 10_000));
    }
    // MAC 2 expired before MAC 1; 4 to 6 are offers, oldest first; a declined entry keeps its MAC for the log.
    expect(used).toEqual([2, 1, 4, 5, 6, 7, 8, 9]);
    expect(table.vacant(99, 600)).toBeUndefined();
    expect(table.ofMac(3)?.state).toBe('bound');
  });

  it('sees a lease that ended early', () => {
    const table = filled(
      () => 'bound',
      () => 10_000,
    );
    expect(table.vacant(99, 1)).toBeUndefined();
    const lease = table.ofMac(4);
    if (lease === undefined) throw new Error('MAC 4 has a lease');
    table.set({ ...lease, expiresAtMs: 1 });
    expect(table.vacant(99, 1)).toBe(lease.address);
    table.set({ ...lease, expiresAtMs: 10_000 });
    expect(table.vacant(99, 2)).toBeUndefined();
  });

  it('keeps one address for each MAC', () => {
    const table = new LeaseTable(pool);
    table.set(entry(1, 100, 'bound', 1));
    table.set(entry(1, 101, 'bound', 1));
    expect(table.size).toBe(1);
    expect(table.at(100)).toBeUndefined();
    expect(table.ofMac(1)?.address).toBe(101);
  });

  it('forgets what a new pool does not hold', () => {
    const table = new LeaseTable(pool);
    for (const [mac, address] of [
      [1, 100],
      [2, 109],
      [3, 200],
    ] as const) {
      table.set(entry(mac, address, 'bound', 1000));
    }
    table.reconfigure({ first: 108, size: 2, reserved: new Set([200]) }, ({ mac }) => mac === 3);
    expect([...table.entries()].map(({ address }) => address)).toEqual([109, 200]);
    expect(table.vacant(9, 0)).toBe(108);
  });

  it('holds at most the pool, agrees with a plain model, and never gives away a live lease', () => {
    const step = fc.record({
      mac: fc.integer({ min: 1, max: 30 }),
      state: fc.constantFrom<LeaseState>('offered', 'bound', 'declined'),
      lifeMs: fc.integer({ min: 0, max: 40 }),
      waitMs: fc.integer({ min: 0, max: 10 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const table = new LeaseTable(pool);
        const model = new Map<number, Lease>();
        let nowMs = 0;
        for (const { mac, state, lifeMs, waitMs } of steps) {
          nowMs += waitMs;
          const address = table.ofMac(mac)?.address ?? table.vacant(mac, nowMs);
          const live = [...model.values()].filter(
            (lease) => lease.state === 'bound' && lease.expiresAtMs > nowMs,
          );
          if (address === undefined) {
            expect(live.length).toBe(9);
            continue;
          }
          const holder = model.get(address);
          if (holder !== undefined && holder.mac !== mac) expect(live).not.toContain(holder);
          const lease = entry(mac, address, state, nowMs + lifeMs);
          for (const [at, other] of model) {
            if (other.mac === mac && other.state !== 'declined' && state !== 'declined') model.delete(at);
          }
          model.set(address, lease);
          table.set(lease);
          expect(isPooled(pool, address)).toBe(true);
          expect(new Set(table.entries())).toEqual(new Set(model.values()));
        }
      }),
      { numRuns: 300 },
    );
  });
});
