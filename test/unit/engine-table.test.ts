/**
 * The README's engine × mode table is what the engines declare, and what they declare the conformance run proves.
 * Refresh it: UPDATE_GENERATED=1 scripts/test.sh --project unit test/unit/engine-table
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Capabilities } from '../../src/engines/contract.js';
import { ENGINES } from '../../src/engines/registry.js';
import { placesOf } from '../../src/places.js';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- engines: written by test/unit/engine-table.test.ts -->';
const END = '<!-- end of engines -->';

const context = {
  project: 'table',
  places: placesOf('table', { XDG_RUNTIME_DIR: '/tmp', XDG_STATE_HOME: '/tmp' }, 0),
};
const engines = Object.entries(ENGINES).map(([name, create]) => ({ name, ...create(context).capabilities }));

const ROWS: readonly (readonly [string, (capabilities: Capabilities) => true | string])[] = [
  ['[isolated](docs/modes/isolated.md)', (can) => can.modes.isolated],
  ['[nat](docs/modes/nat.md)', (can) => can.modes.nat],
  ['[routed](docs/modes/routed.md)', (can) => can.modes.routed],
  ['[bridge](docs/modes/bridge.md)', (can) => can.modes.bridge],
  ['[forwards](docs/file.md)', (can) => can.forwards],
  ['IPv6', (can) => can.ipv6],
  ['DHCP', (can) => can.dhcp],
  ['DNS', (can) => can.dns],
  ['anti-spoofing', (can) => can.antiSpoofing],
  ['capture', (can) => can.capture],
  ['many hosts', (can) => can.manyHosts],
];

function table(): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['', ...engines.map((engine) => `[${engine.name}](docs/engines/${engine.name}.md)`)]),
    row(['---', ...engines.map(() => '---')]),
    ...ROWS.map(([name, supports]) =>
      row([name, ...engines.map((engine) => (supports(engine) === true ? 'yes' : '·'))]),
    ),
    row(['root', ...engines.map((engine) => (engine.needsRoot ? 'needed' : 'not needed'))]),
  ].join('\n');
}

it('has the README’s table say what the engines declare', () => {
  const text = readFileSync(README, 'utf8');
  const [before = '', rest = ''] = text.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const written = `${before}${BEGIN}\n\n${table()}\n\n${END}${after}`;
  if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(README, written);
  expect(readFileSync(README, 'utf8')).toBe(written);
});
