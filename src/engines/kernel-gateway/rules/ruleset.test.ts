import { expect, it } from 'vitest';
import type { NftRule } from '../../../clients/nft/listing.js';
import { gatewayTable } from './gateway-table.js';
import { observedTable, type TableDefinition, tableLines, tableProperties } from './ruleset.js';

const small: TableDefinition = {
  family: 'inet',
  name: 'passerelle.shop.linux',
  sets: { segments: 'type ifname ;', forward4: 'type ipv4_addr . inet_service : ipv4_addr ;' },
  chains: {
    entry: { hook: 'type filter hook forward priority 0', rules: { one: 'iifname @segments jump inner' } },
    inner: { rules: { two: 'drop' } },
  },
};

it('makes sets, then chains, then rules, so that each stands before it is named', () => {
  const lines = tableLines(small);
  expect(lines[0]).toBe('add table inet passerelle.shop.linux');
  expect(lines).toContain(
    'add map inet passerelle.shop.linux forward4 { type ipv4_addr . inet_service : ipv4_addr ; }',
  );
  const last = (start: string): number => lines.findLastIndex((line) => line.startsWith(start));
  const first = (start: string): number => lines.findIndex((line) => line.startsWith(start));
  expect(last('add chain')).toBeLessThan(first('flush chain'));
  expect(last('flush chain')).toBeLessThan(first('add rule'));
  expect(last('add set')).toBeLessThan(first('add rule'));
});

it('sees itself in what stands, and sees what was taken out or added by hand', () => {
  const rule = (chain: string, comment?: string): NftRule => ({
    chain,
    handle: 1,
    expressions: [],
    ...(comment !== undefined && { comment }),
  });
  const comments = tableLines(small).flatMap(
    (line) => /^add rule \S+ \S+ (\S+) .* comment "(.*)"$/.exec(line)?.slice(1) ?? [],
  );
  const [chainOne = '', one, chainTwo = '', two] = comments;
  const standing = {
    family: 'inet',
    name: small.name,
    chains: [{ name: 'entry' }, { name: 'inner' }],
    sets: [
      { name: 'segments', elements: [] },
      { name: 'forward4', elements: [] },
    ],
    limits: [],
    rules: [rule(chainOne, one), rule(chainTwo, two)],
  };
  expect(observedTable(standing)).toEqual(tableProperties(small));
  expect(observedTable({ ...standing, rules: standing.rules.slice(1) })).not.toEqual(tableProperties(small));
  const foreign = { ...standing, rules: [...standing.rules, rule('inner')] };
  expect(observedTable(foreign)).not.toEqual(tableProperties(small));
});

it('takes away chains and sets that are no longer part of it', () => {
  const standing = {
    family: 'inet',
    name: small.name,
    sets: ['old', 'segments'],
    chains: { entry: [], gone: [] },
  };
  const lines = tableLines(small, standing);
  expect(lines).toContain('flush chain inet passerelle.shop.linux gone');
  expect(lines).toContain('delete chain inet passerelle.shop.linux gone');
  expect(lines.at(-1)).toBe('delete set inet passerelle.shop.linux old');
});

it('jumps only to chains and looks up only in sets that the table has', () => {
  const { chains, sets } = gatewayTable('shop', 'linux');
  const rules = Object.values(chains).flatMap(({ rules: named }) => Object.values(named));
  for (const rule of rules) {
    for (const [, set = ''] of rule.matchAll(/@([a-z]\w*)/g)) expect(sets).toHaveProperty(set);
    for (const [, chain = ''] of rule.matchAll(/(?:jump|goto) (\w+)/g)) expect(chains).toHaveProperty(chain);
  }
});
