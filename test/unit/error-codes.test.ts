/** Every stable code that the program can tell stands in docs/errors.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

it('lists every error code', () => {
  const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('/testing/'),
  );
  const told = sources.flatMap((path) =>
    [...readFileSync(join(ROOT, 'src', path), 'utf8').matchAll(/code: '([a-z0-9-]+\/[a-z0-9-]+)'/g)].map(
      (match) => match[1] ?? '',
    ),
  );
  expect(told.length).toBeGreaterThan(50);
  expect([...new Set(told)].filter((code) => !page.includes(code)).sort()).toEqual([]);
});
