import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatumError, mapOf, numberOf, setOf, textOf } from './datum.js';
import type { Json } from './notation.js';
import { Replica } from './replica.js';
import { lacking, parseSchema, requireSchema } from './schema.js';

const SCHEMA = parseSchema({
  name: 'Test',
  version: '1.2.3',
  tables: {
    Port: {
      columns: {
        name: { type: 'string' },
        tag: { type: { key: { type: 'integer', minInteger: 0, maxInteger: 4095 }, min: 0, max: 1 } },
        trunks: { type: { key: 'integer', min: 0, max: 4096 } },
        interfaces: { type: { key: { type: 'uuid', refTable: 'Interface' }, min: 1, max: 'unlimited' } },
        external_ids: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
});
const COLUMNS = ['name', 'tag', 'trunks', 'interfaces', 'external_ids'];

function replica(): Replica {
  return new Replica(SCHEMA, { Port: COLUMNS });
}

describe('schema', () => {
  it('says what is lacking, tables and columns', () => {
    expect(lacking(SCHEMA, { Port: ['name', 'color'], Bond: [] })).toEqual(['Port.color', 'Bond']);
    expect(() => requireSchema(SCHEMA, { Port: ['color'] })).toThrow(/Test 1\.2\.3 has no Port\.color/);
    expect(() => requireSchema(SCHEMA, { Port: ['name', '_uuid', '_version'] })).not.toThrow();
  });

  it.each([
    [null],
    [{ name: 'x' }],
    [{ name: 'x', tables: { T: {} } }],
    [{ name: 'x', tables: { T: { columns: { c: { type: 'float' } } } } }],
  ] as Json[][])('refuses %j', (json) => {
    expect(() => parseSchema(json ?? null)).toThrow(/RFC 7047/);
  });
});

describe('Replica', () => {
  it('fills in defaults, takes bare one-element sets, and follows modify by the type of each column', () => {
    const copy = replica();
    copy.apply({
      Port: { u1: { initial: { name: 'p1', tag: 7, trunks: 5, external_ids: ['map', [['a', '1']]] } } },
    });
    const row = () => copy.rows('Port').get('u1')!;
    expect(textOf(row(), 'name')).toBe('p1');
    expect(setOf(row(), 'tag')).toEqual([7]);
    expect(setOf(row(), 'trunks')).toEqual([5]);
    expect(setOf(row(), 'interfaces')).toEqual([]);

    copy.apply({
      Port: {
        u1: {
          modify: {
            name: 'p2',
            tag: 8,
            trunks: ['set', [5, 6, 7]],
            external_ids: [
              'map',
              [
                ['a', '2'],
                ['b', '3'],
              ],
            ],
          },
        },
      },
    });
    expect(textOf(row(), 'name')).toBe('p2');
    expect(numberOf(row(), 'tag')).toBe(8);
    expect(setOf(row(), 'trunks')).toEqual([6, 7]);
    expect([...mapOf(row(), 'external_ids')]).toEqual([
      ['a', '2'],
      ['b', '3'],
    ]);

    copy.apply({ Port: { u1: { modify: { tag: ['set', []], external_ids: ['map', [['a', '2']]] } } } });
    expect(numberOf(row(), 'tag')).toBeUndefined();
    expect([...mapOf(row(), 'external_ids')]).toEqual([['b', '3']]);

    copy.apply({ Port: { u1: { delete: null }, u2: { insert: { name: 'p9' } } } });
    expect([...copy.rows('Port').keys()]).toEqual(['u2']);
  });

  it('comes to the new value whatever the old one: sets by symmetric difference, maps by changed pairs', () => {
    const atoms = fc.uniqueArray(fc.integer({ min: 0, max: 30 }));
    const pairs = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', '3'));
    fc.assert(
      fc.property(atoms, atoms, pairs, pairs, (oldSet, newSet, oldMap, newMap) => {
        const copy = replica();
        copy.apply({
          Port: {
            u: { initial: { trunks: ['set', oldSet], external_ids: ['map', Object.entries(oldMap)] } },
          },
        });
        const setDifference = [
          ...oldSet.filter((atom) => !newSet.includes(atom)),
          ...newSet.filter((atom) => !oldSet.includes(atom)),
        ];
        const mapDifference = [
          ...Object.entries(oldMap).filter(([key]) => !(key in newMap)),
          ...Object.entries(newMap).filter(([key, value]) => oldMap[key] !== value),
        ];
        copy.apply({
          Port: { u: { modify: { trunks: ['set', setDifference], external_ids: ['map', mapDifference] } } },
        });
        const row = copy.rows('Port').get('u')!;
        expect(new Set(setOf(row, 'trunks'))).toEqual(new Set(newSet));
        expect(Object.fromEntries(mapOf(row, 'external_ids'))).toEqual({ ...newMap });
      }),
    );
  });

  it.each([
    [{ Bridge: {} }],
    [{ Port: { u: { modify: { name: 'x' } } } }],
    [{ Port: { u: { insert: { name: 7 } } } }],
    [{ Port: { u: { insert: { shape: 'round' } } } }],
    [{ Port: { u: { insert: { name: ['set', []] } } } }],
    [{ Port: { u: { insert: { external_ids: ['map', [['a']]] } } } }],
    [[]],
  ] as Json[][])('refuses %j', (updates) => {
    expect(() => replica().apply(updates ?? null)).toThrow(DatumError);
  });

  it('takes any JSON at all: applies it or throws a DatumError', () => {
    const loose = fc.jsonValue({ maxDepth: 1, stringUnit: 'grapheme-ascii' });
    const value = fc.oneof(loose, fc.constantFrom(['uuid', 'x'], ['set', [1]], ['map', []], ['set'], 'p', 5));
    const row = fc.dictionary(fc.constantFrom(...COLUMNS, '_uuid', 'x'), value, { maxKeys: 3 });
    const verb = fc.constantFrom('insert', 'modify', 'delete', 'initial', 'x');
    const rows = fc.dictionary(fc.constantFrom('u', 'v'), fc.dictionary(verb, row, { maxKeys: 2 }));
    fc.assert(
      fc.property(fc.oneof(loose, fc.record({ Port: rows })), (json) => {
        try {
          replica().apply(json as Json);
        } catch (error) {
          expect(error).toBeInstanceOf(DatumError);
        }
      }),
      { numRuns: 1000, seed: 7047 },
    );
  });
});
