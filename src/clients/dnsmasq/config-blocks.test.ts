import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ConfigBlock, formatBlocks, parseBlocks } from './config-blocks.js';

const render = ({ name, value }: ConfigBlock): string[] => [
  `one=${name}`,
  `two=${JSON.stringify(value).replaceAll('#', '')}`,
];

const block = fc.record({
  kind: fc.constantFrom('dhcp', 'dhcp-host', 'dnsmasq'),
  name: fc.stringMatching(/^[a-z0-9/.-]{1,20}$/),
  value: fc.dictionary(
    fc.stringMatching(/^[a-z]{1,8}$/),
    fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
  ),
});

it('reads back what it wrote', () => {
  fc.assert(
    fc.property(fc.array(block), (blocks) => {
      expect(parseBlocks(formatBlocks(blocks, render), render)).toEqual(blocks);
    }),
  );
});

it('takes a block that was edited by hand for none of ours', () => {
  const text = formatBlocks([{ kind: 'dhcp', name: 'web', value: { a: 1 } }], render);
  expect(parseBlocks(text.replace('one=web', 'one=other'), render)).toEqual([]);
  expect(parseBlocks(`${text}extra=1\n`, render)).toEqual([]);
  expect(parseBlocks(text.replace('{"a":1}', '{"a":'), render)).toEqual([]);
});

it('reads any text without throwing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseBlocks(text, render)).toEqual([]);
    }),
    { seed: 20261123, numRuns: 500 },
  );
});
