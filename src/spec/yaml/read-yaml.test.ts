import { describe, expect, test } from 'vitest';
import { positionsIn } from './positions.js';
import { readYaml } from './read-yaml.js';
import { locateValue, plainValue } from './tree.js';

function read(text: string) {
  const { tree, problems } = readYaml(text, positionsIn(text, 'f'));
  const told = problems.map(({ at, code, message }) => `${at?.line}:${at?.column} ${code}: ${message}`);
  return { value: tree && plainValue(tree), told, tree };
}

describe('values', () => {
  test('keys are text as it was written, values are of the YAML 1.2 core schema', () => {
    const { value, told } = read(
      '1: on\ntrue: 0x10\n"a b": 052\nmac: 52:54:00:00:00:01\nempty:\nf: 9011:9090\n',
    );
    expect(told).toEqual([]);
    expect(value).toEqual({
      '1': 'on',
      true: 16,
      'a b': 52,
      mac: '52:54:00:00:00:01',
      empty: null,
      f: '9011:9090',
    });
  });

  test('%YAML 1.1 does not change what words mean', () => {
    expect(read('%YAML 1.1\n---\na: no\nb: 9:30\n').value).toEqual({ a: 'no', b: '9:30' });
  });

  test('aliases and merge keys are followed, and point to where the value was written', () => {
    const { value, tree, told } = read(
      'base: &b { mode: nat, mtu: 1400 }\nweb: { <<: *b, mtu: 1500 }\nlist: [*b, 1]\n',
    );
    expect(told).toEqual([]);
    expect(value).toEqual({
      base: { mode: 'nat', mtu: 1400 },
      web: { mode: 'nat', mtu: 1500 },
      list: [{ mode: 'nat', mtu: 1400 }, 1],
    });
    expect(tree && locateValue(tree, ['web', 'mode'])).toEqual({ file: 'f', line: 1, column: 18 });
  });

  test('an alias means the anchor before it, whatever comes later', () => {
    const text = 'a: &x [1]\nb: &y [*x]\nc: &x [*y]\nd: *y\ne: *x\n';
    expect(read(text).value).toEqual({ a: [1], b: [[1]], c: [[[1]]], d: [[1]], e: [[[1]]] });
  });

  test('no key has a meaning of its own', () => {
    const { value } = read('__proto__: { polluted: 1 }\nconstructor: 2\n');
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('what is left out stands where its key stands', () => {
    const { tree } = read('a:\n  b:\n  c: 1\n');
    expect(tree && locateValue(tree, ['a', 'b'])).toMatchObject({ line: 2, column: 3 });
  });
});

describe('text that is refused', () => {
  const million = 500_000;
  test.each([
    ['# nothing\n', '1:1 spec/empty-file: the file is empty'],
    ['a: 1\n---\nb: 2\n', '2:1 spec/many-documents: the file holds more than one YAML document'],
    ['a:\n  b: 1\n\tc: 2\n', '3:1 spec/tab-indentation: a tab indents this line, YAML does not allow it'],
    ['a: "1\nb: 2\n', '1:4 spec/not-yaml: not YAML: this quote is never closed'],
    ["a: 1\nb: '2\nc: 3\n", '2:4 spec/not-yaml: not YAML: this quote is never closed'],
    ['a: b: c\n', '1:4 spec/not-yaml: not YAML: nested mappings are not allowed in compact mappings'],
    ['a:\n  b: 1\n c: 2\n', '3:1 spec/not-yaml: not YAML: all mapping items must start at the same column'],
    ['a: !!binary aGk=\n', '1:4 spec/bad-tag: YAML tags have no meaning in this file'],
    [
      'a: 1\nb: 2\na: 3\n',
      '3:1 spec/duplicate-key: the key "a" stands twice in one mapping, first on line 1',
    ],
    ['a: [[::1]:80:80]\n', '1:5 spec/bad-key: this key is not text'],
    ['a: *b\n', '1:4 spec/unknown-alias: the alias *b stands for nothing'],
    ['a: &a [*a]\n', '1:8 spec/unknown-alias: the alias *a stands for nothing'],
    ['a: { <<: 3 }\n', '1:10 spec/bad-merge: the merge key << takes mappings only'],
    ['['.repeat(million), '1:64 spec/nested-too-deep: nested too deeply'],
    ['- '.repeat(million), '1:127 spec/nested-too-deep: nested too deeply'],
    ['? '.repeat(million), '1:127 spec/nested-too-deep: nested too deeply'],
    [']'.repeat(million), '1:21 spec/not-yaml: not YAML'],
  ])('%.40j', (text, problem) => expect(read(text).told[0]).toBe(problem));

  test('a mapping may be as deep as the format needs, and more', () => {
    const deep = Array.from({ length: 12 }, (_, depth) => `${'  '.repeat(depth)}a:\n`).join('');
    expect(read(`${deep}${'  '.repeat(12)}b: 1\n`).told).toEqual([]);
  });
});

// Unbounded, the first alone would take the memory of the machine, and the chains its stack.
describe('aliases that would grow without limit', () => {
  const laughs = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
    laughs.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
  }
  const chain = Array.from({ length: 300 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}]`);
  const merges = Array.from(
    { length: 300 },
    (_, index) => `a${index + 1}: &a${index + 1} { <<: *a${index} }`,
  );
  test.each([
    ['a billion laughs', laughs.join('\n'), 'the aliases of the file stand for more than 10000 values'],
    [
      'a chain',
      ['a0: &a0 [x]', ...chain].join('\n'),
      'the aliases of the file stand for more than 10000 values',
    ],
    [
      'a chain of merges',
      ['a0: &a0 { k: 1 }', ...merges].join('\n'),
      'the aliases of the file stand for more than 10000 values',
    ],
    [
      'a megabyte of them',
      `a: &a x\nb: [${'*a, '.repeat(250_000)}]`,
      'the file holds more than 10000 aliases',
    ],
  ])('%s is refused at once', (_, text, message) => {
    const { problems } = readYaml(text, positionsIn(text, 'f'));
    expect(problems).toMatchObject([{ code: 'spec/too-many-aliases', message }]);
  });
});
