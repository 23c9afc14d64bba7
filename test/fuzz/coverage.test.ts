/** No parser is left out: each that `src` exports by a parser's name stands in a fuzz test, or beside one that does. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Text of the file that a person writes is read through `parseSpecBytes`, with everything below it. */
const ENTERED_ELSEWHERE: Readonly<Record<string, string>> = {
  'src/spec/': 'parseSpecBytes',
  'src/clients/qmp/message.ts': 'MessageReader',
  // DHCP and DHCPv6 options, and domain names in them, are reached through the messages that hold them.
  'src/wire/dhcp': 'receive',
  'src/wire/domain-name.ts': 'readRouterAdvertisement',
  'src/wire/ndp-options.ts': 'readRouterAdvertisement',
};
/** They turn a text that was checked before into a value. */
const NO_PARSER_OF_FOREIGN_BYTES = /^src\/wire\/(address|cidr|ethernet)\.ts$/;

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter(
  (path) => /^(src|test)\//.test(path) && path.endsWith('.ts'),
);
const fuzzTests = files
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => readFileSync(`${ROOT}${path}`, 'utf8'))
  .filter((text) => text.includes("fuzz/fuzz.js'") || text.includes("from './fuzz.js'"))
  .join('\n');

it('finds fuzz tests at all', () => {
  expect(fuzzTests.match(/\bfuzz\(/g)?.length).toBeGreaterThan(20);
});

it.each(
  files
    .filter((path) => path.startsWith('src/') && !path.endsWith('.test.ts'))
    .filter((path) => !NO_PARSER_OF_FOREIGN_BYTES.test(path))
    .flatMap((path) => {
      const text = readFileSync(`${ROOT}${path}`, 'utf8');
      const names = [...text.matchAll(/^export function ((?:read|decode|parse)[A-Z]\w*)/gm)];
      return names.map(([, name = '']) => [name, path] as const);
    }),
)('%s of %s is fuzzed', (name, path) => {
  const entry = Object.entries(ENTERED_ELSEWHERE).find(([start]) => path.startsWith(start))?.[1] ?? name;
  expect(new RegExp(`\\b${entry}\\b`).test(fuzzTests), entry).toBe(true);
});
