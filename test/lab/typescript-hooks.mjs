// Plain JavaScript, since it is what makes TypeScript run.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What was translated before; TypeScript itself, which takes half a second to load, is needed for new text only. */
const CACHE = fileURLToPath(new URL('../../.cache/typescript', import.meta.url));

/** Sources import each other by the name that the compiled file will have: `./x.js` stands for `./x.ts`. */
export async function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const path = fileURLToPath(url);
  const text = await readFile(path, 'utf8');
  const cached = join(CACHE, `${createHash('sha256').update(path).update(text).digest('hex')}.js`);
  const source = await readFile(cached, 'utf8').catch(() => translate(path, text, cached));
  return { format: 'module', source, shortCircuit: true };
}

async function translate(path, text, cached) {
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    inlineSourceMap: true,
  };
  const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: path });
  try {
    mkdirSync(CACHE, { recursive: true });
    const draft = `${cached}.${process.pid}`;
    await writeFile(draft, outputText);
    await rename(draft, cached);
  } catch {
    // Somebody else's checkout: then it is translated each time.
  }
  return outputText;
}
