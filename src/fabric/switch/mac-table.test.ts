import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AGEING_SECONDS,
  type MacOwner,
  MacTable,
  MAX_LEARNED_PER_NETWORK,
  MAX_LEARNED_PER_PORT,
} from './mac-table.js';

interface Port extends MacOwner {
  readonly name: string;
}

const portNamed = (name: string): Port => ({ name, learnedMacs: 0 });

describe('MacTable', () => {
  it('learns a source and forgets it after the ageing time', () => {
    const table = new MacTable<Port>();
    const a = portNamed('a');
    expect(table.learn(0x5254, 0xdeadbeef, a, 10)).toBe(true);
    expect(table.lookup(0x5254, 0xdeadbeef)).toBe(a);
    // The same bits, read as a signed number.
    expect(table.lookup(0x5254, 0xdeadbeef | 0)).toBe(a);
    table.sweep(10 + AGEING_SECONDS - 1);
    expect(table.lookup(0x5254, 0xdeadbeef)).toBe(a);
    table.sweep(10 + AGEING_SECONDS);
    expect(table.lookup(0x5254, 0xdeadbeef)).toBeUndefined();
    expect(a.learnedMacs).toBe(0);
    expect(table.learnedMacs).toBe(0);
  });

  it('follows a station that moves, and counts it for its new port', () => {
    const table = new MacTable<Port>();
    const [a, b] = [portNamed('a'), portNamed('b')];
    table.learn(1, 2, a, 0);
    table.learn(1, 2, b, 1);
    expect(table.lookup(1, 2)).toBe(b);
    expect([a.learnedMacs, b.learnedMacs, table.learnedMacs]).toEqual([0, 1, 1]);
  });

  it('never moves or ages a pinned address', () => {
    const table = new MacTable<Port>();
    const [a, b] = [portNamed('a'), portNamed('b')];
    table.pin(1, 2, a);
    expect(table.learn(1, 2, b, 0)).toBe(false);
    expect(table.learn(1, 2, a, 0)).toBe(true);
    table.sweep(1_000_000);
    expect(table.lookup(1, 2)).toBe(a);
    table.unpin(1, 2, b);
    expect(table.lookup(1, 2)).toBe(a);
    table.unpin(1, 2, a);
    expect(table.lookup(1, 2)).toBeUndefined();
  });

  it('pins over what was learned', () => {
    const table = new MacTable<Port>();
    const [a, b] = [portNamed('a'), portNamed('b')];
    table.learn(1, 2, a, 0);
    table.pin(1, 2, b);
    expect(table.lookup(1, 2)).toBe(b);
    expect([a.learnedMacs, table.learnedMacs]).toEqual([0, 0]);
  });

  it('keeps the entries of others when a port floods 100,000 sources', () => {
    const table = new MacTable<Port>();
    const [quiet, loud] = [portNamed('quiet'), portNamed('loud')];
    table.learn(0x5254, 7, quiet, 0);
    for (let index = 0; index < 100_000; index++) table.learn(0x0200, index * 2654435761, loud, index / 1000);
    expect(loud.learnedMacs).toBe(MAX_LEARNED_PER_PORT);
    expect(table.lookup(0x5254, 7)).toBe(quiet);
  });

  it('stops at the bound of the network, and learns again once entries have aged', () => {
    const table = new MacTable<Port>();
    const ports = Array.from({ length: 20 }, (_, index) => portNamed(`p${index}`));
    for (const [index, port] of ports.entries()) {
      for (let mac = 0; mac < MAX_LEARNED_PER_PORT; mac++) table.learn(index, mac, port, 0);
    }
    expect(table.learnedMacs).toBe(MAX_LEARNED_PER_NETWORK);
    const last = ports.at(-1)!;
    expect(table.learn(500, 1, last, AGEING_SECONDS)).toBe(true);
    expect(table.learnedMacs).toBe(1);
  });

  it('agrees with a plain map under any sequence of operations', () => {
    // A small space of addresses, so that operations meet.
    const mac = fc.record({
      high: fc.constantFrom(0, 1, 0xffff),
      low: fc.constantFrom(0, 1, 64, 128, -1, 0x7fffffff),
    });
    const owner = fc.nat(2);
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('learn' as const), mac, owner }),
      fc.record({ kind: fc.constant('pin' as const), mac, owner }),
      fc.record({ kind: fc.constant('unpin' as const), mac, owner }),
      fc.record({ kind: fc.constant('forget' as const), mac, owner }),
      fc.record({ kind: fc.constant('sweep' as const), mac, owner }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const table = new MacTable<Port>();
        const owners = [portNamed('a'), portNamed('b'), portNamed('c')];
        const model = new Map<string, { owner: Port; pinned: boolean; seenAt: number }>();
        for (const [
          step,
          {
            kind,
            mac: { high, low },
            owner: ownerIndex,
          },
        ] of operations.entries()) {
          const port = owners[ownerIndex]!;
          const key = `${high}/${low | 0}`;
          const known = model.get(key);
          const now = step * 40;
          switch (kind) {
            case 'learn':
              table.learn(high, low, port, now);
              if (!known?.pinned) model.set(key, { owner: port, pinned: false, seenAt: now });
              break;
            case 'pin':
              table.pin(high, low, port);
              model.set(key, { owner: port, pinned: true, seenAt: 0 });
              break;
            case 'unpin':
              table.unpin(high, low, port);
              if (known?.pinned && known.owner === port) model.delete(key);
              break;
            case 'forget':
              table.forget(port);
              for (const [other, entry] of model) if (entry.owner === port) model.delete(other);
              break;
            case 'sweep':
              table.sweep(now);
              for (const [other, entry] of model) {
                if (!entry.pinned && now - entry.seenAt >= AGEING_SECONDS) model.delete(other);
              }
              break;
          }
        }
        for (const high of [0, 1, 0xffff]) {
          for (const low of [0, 1, 64, 128, -1, 0x7fffffff]) {
            expect(table.lookup(high, low)).toBe(model.get(`${high}/${low | 0}`)?.owner);
          }
        }
        const learned = [...model.values()].filter((entry) => !entry.pinned);
        expect(table.learnedMacs).toBe(learned.length);
        for (const port of owners) {
          expect(port.learnedMacs).toBe(learned.filter((entry) => entry.owner === port).length);
        }
      }),
    );
  });
});
