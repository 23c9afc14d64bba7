/** What the docs show is what the program does: verbs, command lines and files on every page are tried. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { splitShellWords } from '../../src/spec/text/shell-words.js';
import { parseSpec } from '../../src/spec/parse.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];
const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** Fenced blocks of a language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] ?? '',
  );
}

/** `complete` is what a shell's completion calls; commander's own `help` needs no page. */
const UNSEEN = new Set(['help', 'complete']);
/** Its files are wrong on purpose; src/spec tries each of them. */
const MISTAKES = 'docs/errors.md';

const program = buildProgram(new AbortController().signal);
for (const command of program.commands) command.action(() => undefined);

describe('docs', () => {
  it('has a page for every verb', () => {
    const verbs = program.commands.map((command) => command.name()).filter((name) => !UNSEEN.has(name));
    const documented = pages.flatMap((page) => /^docs\/verbs\/(\w+)\.md$/.exec(page)?.[1] ?? []);
    expect(documented.filter((name) => name !== 'README').sort()).toEqual(verbs.sort());
  });

  const lines = pages.flatMap((page) =>
    blocks(textOf(page), 'console')
      .flatMap((block) => block.split('\n'))
      .filter((line) => line.startsWith('$ passerelle '))
      .map((line) => [page, line] as const),
  );
  it.each(lines)('%s: %s', async (_, line) => {
    const words = splitShellWords(line.slice('$ '.length).replace(/ #.*$/, ''));
    if ('fault' in words) throw new Error(`not a command line: ${line}`);
    await program.parseAsync(words.value.slice(1), { from: 'user' });
  });

  const files = pages
    .filter((page) => page !== MISTAKES)
    .flatMap((page) => blocks(textOf(page), 'yaml').map((text) => [page, text] as const));
  it.each(files)('%s: a file that is valid', (page, text) => {
    const result = parseSpec(text, page);
    expect('problems' in result ? result.problems : []).toEqual([]);
  });

  it('links only to pages that exist', () => {
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map((match) => join(page, '..', match[1] ?? ''))
        .filter((target) => {
          try {
            readdirSync(join(ROOT, target));
            return false;
          } catch (error) {
            return (error as NodeJS.ErrnoException).code === 'ENOENT';
          }
        })
        .map((target) => `${page} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
