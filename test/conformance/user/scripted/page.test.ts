/** docs/nat-conformance.md lists the cases of this folder, each with the section that asks for it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const PAGE = fileURLToPath(new URL('../../../../docs/nat-conformance.md', import.meta.url));
const CASES = /<!-- cases (\S+) -->\n(?:(?!<!--).)*<!-- end -->/gs;
/** A title, of a test or of a group of tests, that names its source. */
const TITLE =
  /(?:\bit|\bdescribe)(?:\.each\([\s\S]*?\]\s*(?:as const)?\s*\))?\(\s*(['"`])(.*?\((?:RFC|IEEE)[^)]*\)?.*?)\1/g;

function titles(file: string): string[] {
  const text = readFileSync(`${FOLDER}${file}`, 'utf8');
  return [...text.matchAll(TITLE)].map(([, , title = '']) => title);
}

function rows(file: string): string {
  const cells = titles(file).map((title) => {
    const [, what = '', source = ''] = /^(.*?) \(((?:RFC|IEEE).*)\)$/.exec(title) ?? [];
    return `| ${what.replaceAll('%s', '…').replaceAll('|', String.raw`\|`)} | ${source} |`;
  });
  return ['| what holds | source |', '|---|---|', ...cells].join('\n');
}

const files = readdirSync(FOLDER).filter((file) => file.endsWith('.test.ts') && file !== 'page.test.ts');

it('lists every case', () => {
  const page = readFileSync(PAGE, 'utf8');
  const written = page.replaceAll(
    CASES,
    (_, file: string) => `<!-- cases ${file} -->\n${rows(file)}\n<!-- end -->`,
  );
  // `UPDATE_GENERATED=1` writes the tables anew.
  if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(PAGE, written);
  expect(readFileSync(PAGE, 'utf8')).toBe(written);
  expect(new Set([...page.matchAll(CASES)].map(([, file]) => file))).toEqual(new Set(files));
});

it.each(files)('%s names a source for each of its rows', (file) => {
  expect(titles(file).length).toBeGreaterThan(3);
  expect(rows(file)).not.toMatch(/\| {2}\|/);
});
