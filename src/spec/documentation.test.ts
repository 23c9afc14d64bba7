import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { jsonSchema, type JsonSchema } from './json-schema.js';
import { parseSpec } from './parse.js';
import { DEFAULT_MARK } from './schema/kinds.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILE_PAGE = join(ROOT, 'docs/file.md');

/** The mapping at a path such as `networks.ipv4`; names and indices are skipped. */
function mappingAt(path: readonly string[], schema: JsonSchema): JsonSchema | undefined {
  const forms = [schema, ...((schema['anyOf'] ?? []) as JsonSchema[])];
  for (const form of forms) {
    const inner = (form['additionalProperties'] || form['items']) as JsonSchema | undefined;
    if (typeof inner === 'object') return mappingAt(path, inner);
    const properties = form['properties'] as Record<string, JsonSchema> | undefined;
    if (properties === undefined) continue;
    const [key, ...rest] = path;
    if (key === undefined) return form;
    const part = properties[key];
    return part && mappingAt(rest, part);
  }
  return undefined;
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

/** A row a key: what it means, its default, an example. */
function table(path: readonly string[]): string {
  const properties = (mappingAt(path, jsonSchema())?.['properties'] ?? {}) as Record<string, JsonSchema>;
  const rows = Object.entries(properties).map(([key, part]) => {
    const [about = '', byDefault = 'required'] = String(part['description']).split(` ${DEFAULT_MARK}`);
    const [example] = part['examples'] as unknown[];
    const meaning = about.replace(/ Required\.$/, '');
    return `| \`${key}\` | ${cell(meaning)} | ${cell(byDefault.replace(/\.$/, ''))} | \`${cell(`${key}: ${flow(example)}`)}\` |`;
  });
  return ['| key | meaning | default | example |', '|---|---|---|---|', ...rows].join('\n');
}

/** The page with each table between its marks written anew. */
function withTables(page: string): string {
  return page.replaceAll(/<!-- keys ?([\w.-]*) -->\n(?:(?!<!--).)*<!-- end -->/gs, (_, path: string) => {
    return `<!-- keys${path === '' ? '' : ` ${path}`} -->\n${table(path === '' ? [] : path.split('.'))}\n<!-- end -->`;
  });
}

// `UPDATE_GENERATED=1 npx vitest run src/spec` writes the tables anew.
if (process.env['UPDATE_GENERATED'] === '1')
  writeFileSync(FILE_PAGE, withTables(readFileSync(FILE_PAGE, 'utf8')));

function yamlBlocks(page: string): string[] {
  return [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

function told(text: string): string[] {
  const result = parseSpec(text, 'f.yaml');
  return 'spec' in result
    ? []
    : result.problems.map(({ at, code, message }) => `${at?.line}:${at?.column} ${code} ${message}`);
}

describe('docs/file.md', () => {
  const page = readFileSync(FILE_PAGE, 'utf8');

  test('its tables hold every key as the schema has it', () => {
    expect(page).toBe(withTables(page));
    for (const path of [
      '',
      'hosts',
      'networks',
      'networks.ipv4',
      'networks.dhcp',
      'networks.dns',
      'networks.bond',
      'networks.ipsec',
      'networks.portgroups',
      'machines',
      'machines.nics',
      'forwards',
    ]) {
      expect(page).toContain(`<!-- keys${path === '' ? '' : ` ${path}`} -->\n| key |`);
    }
  });

  test('its files are good', () => {
    const files = yamlBlocks(page);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect(told(file), file).toEqual([]);
  });

  test('its short forms of forwards are good', () => {
    const forms = [...page.matchAll(/^\| `([^`]+:[^`]+)` \| [^|]* \| [^|]* \|$/gm)].map(
      ([, form = '']) => form,
    );
    expect(forms).toHaveLength(6);
    for (const form of forms) {
      expect(
        told(
          `project: p\nnetworks: { n: { mode: nat } }\nmachines: { m: { nics: [{ network: n, forwards: ["${form}"] }] } }\n`,
        ),
      ).toEqual([]);
    }
  });
});

test('the examples are good, and name the schema that is published', () => {
  const examples = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' });
  const files = examples.filter((path) => path.endsWith('.yaml'));
  expect(files.length).toBeGreaterThanOrEqual(12);
  for (const file of files) {
    const text = readFileSync(join(ROOT, 'examples', file), 'utf8');
    expect(told(text), file).toEqual([]);
    expect(text).toMatch(/^# yaml-language-server: \$schema=..\/..\/schema\/passerelle.schema.json\n/);
  }
});
