/**
 * The README's engine × mode table says what the conformance runs proved (docs/conformance.json), and an engine declares
 * just that. To take over the records of the last runs:
 *
 *     UPDATE_GENERATED=1 scripts/test.sh test/unit/engine-table
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Capability, capabilitiesOf, declaredBy, ENGINE_NAMES } from '../conformance/capabilities.js';
import { isProven, keepFresh, OWN_SUITES, readKept } from '../conformance/record.js';
import { SCENARIOS } from '../conformance/scenarios.js';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- engines: written by test/unit/engine-table.test.ts -->';
const END = '<!-- end of engines -->';

const ROWS: readonly (readonly [string, Capability])[] = [
  ['[isolated](docs/modes/isolated.md)', 'isolated'],
  ['[nat](docs/modes/nat.md)', 'nat'],
  ['[routed](docs/modes/routed.md)', 'routed'],
  ['routed to the outside', 'routedOutside'],
  ['[bridge](docs/modes/bridge.md)', 'bridge'],
  ['[forwards](docs/file.md)', 'forwards'],
  ['[public addresses](docs/modes/nat.md#public-addresses)', 'publicAddresses'],
  ['IPv6', 'ipv6'],
  ['DHCP', 'dhcp'],
  ['DNS', 'dns'],
  ['anti-spoofing', 'antiSpoofing'],
  ['[capture](docs/verbs/capture.md)', 'capture'],
  ['[trace](docs/verbs/trace.md)', 'trace'],
  ['many hosts', 'manyHosts'],
];

function table(): string {
  const kept = readKept();
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['', ...ENGINE_NAMES.map((engine) => `[${engine}](docs/engines/${engine}.md)`)]),
    row(['---', ...ENGINE_NAMES.map(() => '---')]),
    ...ROWS.map(([name, capability]) =>
      row([name, ...ENGINE_NAMES.map((engine) => (isProven(kept[engine], capability) ? 'yes' : '·'))]),
    ),
    row([
      'root',
      ...ENGINE_NAMES.map((engine) => {
        const { needsRoot, modesNeedingRoot } = capabilitiesOf(engine);
        if (needsRoot) return 'needed';
        return modesNeedingRoot.length === 0 ? 'not needed' : `for ${modesNeedingRoot.join(', ')} only`;
      }),
    ]),
  ].join('\n');
}

beforeAll(() => {
  if (process.env['UPDATE_GENERATED'] === '1') keepFresh(ENGINE_NAMES);
});

describe('what engines can do', () => {
  it('is in the README as the conformance runs proved it', () => {
    const text = readFileSync(README, 'utf8');
    const [before = '', rest = ''] = text.split(BEGIN);
    const [, after = ''] = rest.split(END);
    const written = `${before}${BEGIN}\n\n${table()}\n\n${END}${after}`;
    if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(README, written);
    expect(readFileSync(README, 'utf8')).toBe(written);
  });

  it.each(ENGINE_NAMES)('is declared by the engine %s as it was proven', (engine) => {
    const declared = Object.entries(declaredBy(engine));
    const proven = declared.map(([capability]) => [
      capability,
      isProven(readKept()[engine], capability as Capability),
    ]);
    expect(proven).toEqual(declared.map(([capability, support]) => [capability, support === true]));
  });

  it('has a scenario for everything that can be declared', () => {
    const proven = new Set<string>([
      ...SCENARIOS.flatMap(({ proves }) => proves),
      ...Object.keys(OWN_SUITES),
    ]);
    const declarable = ENGINE_NAMES.flatMap((engine) =>
      Object.entries(declaredBy(engine)).flatMap(([name, support]) => (support === true ? [name] : [])),
    );
    expect(declarable.filter((name) => !proven.has(name))).toEqual([]);
    for (const path of Object.values(OWN_SUITES).flat())
      expect(existsSync(new URL(`../../${path}`, import.meta.url)), path).toBe(true);
  });

  it('has a row of the table for every capability', () => {
    const rows = ROWS.map(([, capability]) => capability).sort();
    expect(rows).toEqual(Object.keys(declaredBy('user')).sort());
  });
});
