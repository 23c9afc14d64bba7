import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diff } from './diff.js';
import { orderByNeeds } from './order.js';
import type { Change, Json, Resource } from './resource.js';
import { subjectOf } from './resource.js';

function resource(
  id: string,
  needs: string[] = [],
  properties: Record<string, Json> = {},
  provider = 'user',
): Resource {
  return { id, provider, kind: 'thing', properties, needs, affects: [] };
}

const inPlace = (): boolean => true;

/** Resources whose needs only point backwards, so that no circle can form, then shuffled. */
const world = fc
  .array(
    fc.record({
      provider: fc.constantFrom('user', 'machines'),
      weight: fc.nat(3),
      needs: fc.array(fc.nat(20), { maxLength: 3 }),
    }),
    { maxLength: 20 },
  )
  .map((rows) =>
    rows.map((row, index) =>
      resource(
        `r${index}`,
        row.needs.filter((need) => need < index).map((need) => `r${need}`),
        { weight: row.weight },
        row.provider,
      ),
    ),
  )
  .chain((resources) => fc.shuffledSubarray(resources, { minLength: 0 }));

/** What the world is after the changes, if every provider does as told. */
function carryOut(observed: readonly Resource[], changes: readonly Change[]): Map<string, Resource> {
  const standing = new Map(observed.map((one) => [one.id, one]));
  for (const change of changes) {
    if (change.action === 'delete') standing.delete(change.before.id);
    else standing.set(change.after.id, change.after);
  }
  return standing;
}

describe('diff', () => {
  it('is empty between a world and itself', () => {
    fc.assert(fc.property(world, (resources) => diff(resources, resources, inPlace).length === 0));
  });

  it('leads from any world to any other', () => {
    fc.assert(
      fc.property(world, world, (observed, desired) => {
        const after = carryOut(observed, diff(desired, observed, inPlace));
        expect(diff(desired, [...after.values()], inPlace)).toEqual([]);
        expect(after.size).toBe(desired.length);
      }),
    );
  });

  it('creates after, and deletes before, what is needed', () => {
    fc.assert(
      fc.property(world, world, (observed, desired) => {
        const changes = diff(desired, observed, inPlace);
        const place = new Map(changes.map((change, index) => [subjectOf(change).id, index]));
        for (const change of changes) {
          for (const need of subjectOf(change).needs) {
            const needAt = place.get(need);
            const needed = changes.find((other) => subjectOf(other).id === need);
            if (needAt === undefined || needed === undefined) continue;
            const here = place.get(subjectOf(change).id)!;
            if (change.action === 'delete' && needed.action === 'delete')
              expect(needAt).toBeGreaterThan(here);
            if (change.action !== 'delete' && needed.action !== 'delete') expect(needAt).toBeLessThan(here);
          }
        }
      }),
    );
  });

  it('names what changed, and replaces what cannot be updated', () => {
    const before = resource('a', [], { mtuBytes: 1500, mac: 'x', same: [1, { b: 2 }] });
    const after = resource('a', [], { mtuBytes: 9000, same: [1, { b: 2 }] });
    expect(diff([after], [before], inPlace)).toEqual([
      { action: 'update', before, after, changed: ['mac', 'mtuBytes'] },
    ]);
    expect(diff([after], [before], () => false)[0]?.action).toBe('replace');
  });
});

describe('orderByNeeds', () => {
  it('keeps a provider together where the needs allow', () => {
    const ordered = orderByNeeds([
      resource('vm1', ['port1'], {}, 'machines'),
      resource('port1', ['net']),
      resource('vm2', ['port2'], {}, 'machines'),
      resource('port2', ['net']),
      resource('net'),
    ]);
    expect(ordered.map((one) => one.id)).toEqual(['net', 'port1', 'port2', 'vm1', 'vm2']);
  });

  it('refuses a circle', () => {
    expect(() => orderByNeeds([resource('a', ['b']), resource('b', ['a'])])).toThrow(/circle/);
  });
});
