import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lastLines, openLog, readLog } from './log.js';

const directory = mkdtempSync(join(tmpdir(), 'passerelle-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function whole(path: string, lines?: number): Promise<string> {
  const pieces: Buffer[] = [];
  const options = lines === undefined ? {} : { lines };
  for await (const piece of readLog(path, options, new AbortController().signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('openLog', () => {
  it('appends a header to what is there, and sets a large log aside', async () => {
    const path = join(directory, 'deep/web1.log');
    for (const run of ['first', 'second']) {
      const { file, startBytes } = await openLog(path, run);
      await file.write(`said by ${run}\n`);
      await file.close();
      expect(await lastLines(path, startBytes, 10)).toEqual([`said by ${run}`]);
    }
    expect(readFileSync(path, 'utf8')).toBe('--- first\nsaid by first\n--- second\nsaid by second\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);

    truncateSync(path, 9 * 1024 * 1024);
    await (await openLog(path, 'third')).file.close();
    expect(readFileSync(path, 'utf8')).toBe('--- third\n');
    expect(existsSync(`${path}.1`)).toBe(true);
  });
});

describe('readLog', () => {
  it('gives all, or the last lines', async () => {
    const path = join(directory, 'lines.log');
    const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index}`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    expect(await whole(path)).toBe(`${lines.join('\n')}\n`);
    expect(await whole(path, 2)).toBe('line 29998\nline 29999\n');
    expect(await whole(path, 0)).toBe('');
    appendFileSync(path, 'unfinished');
    expect(await whole(path, 2)).toBe('line 29999\nunfinished');
    writeFileSync(path, 'one\n');
    expect(await whole(path, 5)).toBe('one\n');
    expect(await whole(join(directory, 'none.log'), 5)).toBe('');
  });

  it('follows what comes, through a change of file, until it is stopped', async () => {
    const path = join(directory, 'follow.log');
    const stop = new AbortController();
    let seen = '';
    const reading = (async () => {
      for await (const piece of readLog(path, { lines: 1, follow: true }, stop.signal))
        seen += piece.toString();
    })();
    writeFileSync(path, 'a\n');
    await expect.poll(() => seen).toBe('a\n');
    appendFileSync(path, 'b\n');
    await expect.poll(() => seen).toBe('a\nb\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'new\n');
    await expect.poll(() => seen).toBe('a\nb\nnew\n');
    stop.abort();
    await reading;
  });
});
