import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseSpec } from '../spec/parse.js';
import { NOTHING_REMEMBERED } from './remembered.js';
import { resolveTopology } from './resolve.js';

const SOURCE = fileURLToPath(new URL('../', import.meta.url));
const PAGE = readFileSync(join(SOURCE, '../docs/errors.md'), 'utf8');
const AREAS = ['spec', 'topology'];

/** Codes that the code of an area tells of, tests aside. */
function codesIn(area: string): string[] {
  const files = readdirSync(join(SOURCE, area), { recursive: true, encoding: 'utf8' });
  const texts = files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(SOURCE, area, file), 'utf8'));
  const written = texts.flatMap((text) =>
    [...text.matchAll(/'((?:spec|topology)\/[a-z0-9-]+)'/g)].map(([, code = '']) => code),
  );
  // `choice('mode', …)` tells of `spec/unknown-mode`.
  const ofChoices = texts.flatMap((text) =>
    [...text.matchAll(/choice\('([a-z-]+)'/g)].map(([, noun]) => `spec/unknown-${noun}`),
  );
  return [...written, ...ofChoices];
}

interface Section {
  readonly code: string;
  readonly text: string;
}

const sections: Section[] = PAGE.split(/^### /m)
  .slice(1)
  .map((text) => ({ code: text.slice(0, text.indexOf('\n')), text }))
  .filter(({ code }) => AREAS.some((area) => code.startsWith(`${area}/`)));

test('every code has one heading, and every heading a code', () => {
  const used = [...new Set(AREAS.flatMap(codesIn))].sort();
  expect(used.length).toBeGreaterThan(60);
  expect(sections.map(({ code }) => code).sort()).toEqual(used);
});

test('every heading says what it means and how to mend it', () => {
  for (const { code, text } of sections) {
    expect(text, code).toMatch(/^\S+\n\n[A-Z`].*\.\n/s);
    expect(text, code).toMatch(/^Mend: .*\.$/ms);
  }
});

test('every file that is shown has that problem and no other', () => {
  const shown = sections.flatMap(({ code, text }) => {
    const file = /^```yaml wrong\n(.*?)^```$/ms.exec(text)?.[1];
    return file === undefined ? [] : [{ code, file }];
  });
  expect(shown.length).toBeGreaterThan(50);
  for (const { code, file } of shown) {
    const parsed = parseSpec(file, 'f.yaml');
    const result =
      'spec' in parsed
        ? resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED })
        : parsed;
    const codes = 'problems' in result ? result.problems.map((problem) => problem.code) : [];
    expect(codes, file).toEqual([code]);
  }
});
