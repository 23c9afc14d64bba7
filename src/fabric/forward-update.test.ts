import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FabricForward } from './control/protocol.js';
import { type ForwardListeners, updateForwards } from './forward-update.js';

const forwardAt = (first: number, last = first, targetPortFirst = 80): FabricForward => ({
  id: `tcp/0.0.0.0:${first}`,
  protocol: 'tcp',
  listenAddress: '0.0.0.0',
  listenPortFirst: first,
  listenPortLast: last,
  network: 'web',
  targetAddresses: ['10.0.0.1'],
  targetPortFirst,
  targetPortFixed: true,
});

/** Ports as the kernel keeps them: one owner each, some taken by others. */
class Ports implements ForwardListeners {
  readonly forwards = new Map<string, FabricForward>();
  readonly calls: string[] = [];

  constructor(readonly takenByOthers: ReadonlySet<number> = new Set()) {}

  put(forward: FabricForward): Promise<void> {
    this.calls.push(`put ${forward.id}`);
    for (let port = forward.listenPortFirst; port <= forward.listenPortLast; port++) {
      const inUse = [...this.forwards.values()].some(
        ({ id, listenPortFirst, listenPortLast }) =>
          id !== forward.id && port >= listenPortFirst && port <= listenPortLast,
      );
      if (inUse || this.takenByOthers.has(port)) return Promise.reject(new Error(`port ${port} is taken`));
    }
    this.forwards.set(forward.id, forward);
    return Promise.resolve();
  }

  delete(id: string): void {
    this.calls.push(`delete ${id}`);
    this.forwards.delete(id);
  }
}

const mapOf = (...forwards: FabricForward[]): Map<string, FabricForward> =>
  new Map(forwards.map((forward) => [forward.id, forward]));

describe('updateForwards', () => {
  it('leaves alone what stays, and lets go of the old only when the new is there', async () => {
    const ports = new Ports();
    const before = mapOf(forwardAt(80), forwardAt(90));
    await updateForwards(ports, new Map(), before);
    ports.calls.length = 0;
    await updateForwards(ports, before, mapOf(forwardAt(80), forwardAt(91)));
    expect(ports.calls).toEqual(['put tcp/0.0.0.0:91', 'delete tcp/0.0.0.0:90']);
  });

  it('lets a range take over the ports of another', async () => {
    const ports = new Ports();
    const before = mapOf(forwardAt(80, 85));
    await updateForwards(ports, new Map(), before);
    await updateForwards(ports, before, mapOf(forwardAt(82, 90)));
    expect([...ports.forwards.keys()]).toEqual(['tcp/0.0.0.0:82']);
  });

  it('says which forwards are gone when the way back is taken too', async () => {
    const taken = new Set<number>([95]);
    const ports = new Ports(taken);
    const before = mapOf(forwardAt(80, 85));
    await updateForwards(ports, new Map(), before);
    const remove = ports.delete.bind(ports);
    ports.delete = (id) => {
      taken.add(80);
      remove(id);
    };
    await expect(updateForwards(ports, before, mapOf(forwardAt(82), forwardAt(95)))).rejects.toMatchObject({
      ids: ['tcp/0.0.0.0:80'],
      problems: [{ code: 'fabric/forwards-lost' }],
    });
  });

  it('ends where it was asked to, or where it began', async () => {
    const forwards = fc.uniqueArray(
      fc
        .tuple(fc.integer({ min: 1, max: 12 }), fc.nat(2), fc.constantFrom(80, 81))
        .map(([first, more, target]) => forwardAt(first, first + more, target)),
      { selector: ({ id }) => id, maxLength: 4 },
    );
    const disjoint = forwards.filter((list) =>
      list.every((a) =>
        list.every(
          (b) => a === b || a.listenPortLast < b.listenPortFirst || b.listenPortLast < a.listenPortFirst,
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        disjoint,
        disjoint,
        fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { maxLength: 3 }),
        async (from, to, taken) => {
          const start = from.filter(({ listenPortFirst, listenPortLast }) =>
            taken.every((port) => port < listenPortFirst || port > listenPortLast),
          );
          const ports = new Ports(new Set(taken));
          await updateForwards(ports, new Map(), mapOf(...start));
          const failed = await updateForwards(ports, mapOf(...start), mapOf(...to)).then(
            () => false,
            () => true,
          );
          const expected = failed ? start : to;
          expect(Object.fromEntries(ports.forwards)).toEqual(Object.fromEntries(mapOf(...expected)));
          const isFree = to.every(({ listenPortFirst, listenPortLast }) =>
            taken.every((port) => port < listenPortFirst || port > listenPortLast),
          );
          expect(failed).toBe(!isFree);
        },
      ),
    );
  });
});
