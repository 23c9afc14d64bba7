/** The command starts whatever becomes of its code cache (src/passerelle.cts). Needs the build, like `make test`. */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const BUILD_LINE_BYTES = 64;
const root = join(import.meta.dirname, '../..');
let directory: string;
let cache: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-cache-'));
  await mkdir(join(directory, 'dist'));
  await copyFile(join(root, 'package.json'), join(directory, 'package.json'));
  for (const name of ['passerelle.cjs', 'command.cjs'])
    await copyFile(join(root, 'dist', name), join(directory, 'dist', name));
  cache = await readFile(join(root, 'dist/command.cache'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Runs the launcher and tells what the command said, and whether V8 refused the cache. */
function run(): { version: string; isRefused: unknown } {
  const script = join(directory, 'dist/passerelle.cjs');
  const told = `process.on('exit', () => console.error(require(${JSON.stringify(script)}).cachedDataRejected))`;
  const load = `process.argv.splice(1, 0, 'passerelle'); require(${JSON.stringify(script)}); ${told}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', load, '--', '--version'], {
    encoding: 'utf8',
  });
  return { version: stdout.trim(), isRefused: stderr.trim() };
}

const withCache = async (bytes: Buffer): Promise<ReturnType<typeof run>> => {
  await writeFile(join(directory, 'dist/command.cache'), bytes);
  return run();
};

test('it uses the cache of its own build, and starts without one', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(run()).toEqual({ version, isRefused: 'undefined' });
  expect(await withCache(cache)).toEqual({ version, isRefused: 'false' });

  const ofOtherBuild = Buffer.concat([
    Buffer.from(`// ${'0'.repeat(60)}\n`),
    cache.subarray(BUILD_LINE_BYTES),
  ]);
  expect(await withCache(ofOtherBuild)).toEqual({ version, isRefused: 'undefined' });

  // Of another Node.js: V8's own header, after the build line, begins with a number that tells its version.
  const ofOtherNode = Buffer.from(cache);
  ofOtherNode.fill(0x5a, BUILD_LINE_BYTES + 4, BUILD_LINE_BYTES + 8);
  expect(await withCache(ofOtherNode)).toEqual({ version, isRefused: 'true' });
  expect(await withCache(cache.subarray(0, BUILD_LINE_BYTES))).toMatchObject({ version });
  expect(await withCache(cache.subarray(0, cache.length / 2))).toEqual({ version, isRefused: 'true' });
});
