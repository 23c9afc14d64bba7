import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalElements, elementLines, type Elements, elementsByOwner } from './elements.js';
import { tableName } from './ruleset.js';

const table = {
  ...tableName('inet', 'shop', 'linux'),
  sets: Object.fromEntries(['segments', 'forward4_any', 'a', 'b', 'c'].map((name) => [name, ''])),
};

it('adds what comes and deletes what goes, by key, with who asked for it', () => {
  const before = { segments: ['"a"'], forward4_any: ['tcp . 1 : 10.0.0.1 . 1'] };
  const after = { segments: ['"a"', '"b"'], forward4_any: ['tcp . 1 : 10.0.0.1 . 2'] };
  expect(elementLines(table, 'forward x web', before, after)).toEqual([
    'delete element inet passerelle.shop.linux forward4_any { tcp . 1 }',
    'add element inet passerelle.shop.linux segments { "b" comment "forward x web" }',
    'add element inet passerelle.shop.linux forward4_any { tcp . 1 comment "forward x web" : 10.0.0.1 . 2 }',
  ]);
});

it('leaves what was in a set of an older version to go with the set', () => {
  expect(elementLines(table, 'c', { bound: ['"a"'], segments: ['"a"'] }, { segments: ['"a"'] })).toEqual([]);
});

it('reads back by whom they were asked for', () => {
  const listing = {
    family: 'inet',
    name: 't',
    chains: [],
    rules: [],
    limits: [],
    sets: [
      {
        name: 'segments',
        elements: [
          { text: '"b"', comment: 'policy web web' },
          { text: '"a"', comment: 'policy web web' },
        ],
      },
      {
        name: 'closed',
        elements: [
          { text: '"c"' },
          { text: '"d"', comment: 'by hand' },
          { text: '"e"', comment: 'policy back back' },
        ],
      },
    ],
  };
  expect(elementsByOwner(listing)).toEqual([
    { owner: { kind: 'policy', name: 'web', serves: 'web' }, elements: { segments: ['"a"', '"b"'] } },
    { owner: { kind: 'policy', name: 'back', serves: 'back' }, elements: { closed: ['"e"'] } },
  ]);
});

const anyElements = fc
  .dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.uniqueArray(fc.constantFrom('1', '2', '3', '4 : x', '5 : y'), { maxLength: 5 }),
  )
  .map((elements) => canonicalElements(elements));

it('leads from any elements to any others', () => {
  fc.assert(
    fc.property(anyElements, anyElements, (before, after) => {
      const sets = new Map(Object.entries(before).map(([set, texts]) => [set, new Set(texts)]));
      for (const line of elementLines(table, 'c', before, after)) {
        const [, verb, set = '', texts = ''] =
          /^(add|delete) element \S+ \S+ (\S+) \{ (.*) \}$/.exec(line) ?? [];
        const standing = sets.get(set) ?? new Set();
        sets.set(set, standing);
        for (const text of texts.split(', ')) {
          if (verb === 'add') standing.add(text.replace(' comment "c"', ''));
          else for (const element of standing) if (element.split(' : ')[0] === text) standing.delete(element);
        }
      }
      const reached: Elements = Object.fromEntries([...sets].map(([set, texts]) => [set, [...texts]]));
      expect(canonicalElements(reached)).toEqual(after);
    }),
  );
});
