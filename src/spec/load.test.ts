import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSpec, MAX_FILE_BYTES, parseSpecBytes } from './load.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passerelle-spec-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function problemsOf(content: string | Uint8Array) {
  const path = join(dir, 'passerelle.yaml');
  await writeFile(path, content);
  const result = await loadSpec(path);
  return 'problems' in result ? result.problems : [];
}

describe('files', () => {
  test('a good one', async () => {
    const path = join(dir, 'good.yaml');
    await writeFile(path, 'project: shop\nnetworks: { web: { mode: nat } }\n');
    expect(await loadSpec(path)).toMatchObject({
      spec: {
        project: 'shop',
        networks: [{ name: 'web', engine: 'user', source: { file: path, line: 2, column: 13 } }],
      },
    });
    expect(await loadSpec(path, { engine: 'linux' })).toMatchObject({
      spec: { networks: [{ engine: 'linux' }] },
    });
  });

  test('a byte order mark shifts no column', async () => {
    expect(await problemsOf('\ufeffprojct: shop\n')).toMatchObject([
      { code: 'spec/unknown-key', at: { line: 1, column: 1 } },
    ]);
  });

  test('none there', async () => {
    const path = join(dir, 'nope.yaml');
    expect(await loadSpec(path)).toEqual({
      problems: [
        {
          code: 'spec/file-missing',
          message: `there is no file "${path}"`.replace(
            path,
            path.slice(0, 60) + (path.length > 60 ? '…' : ''),
          ),
          fix: 'run `passerelle init`, or name the file with -f FILE',
        },
      ],
    });
  });

  test('a directory', async () => {
    const { problems } = (await loadSpec(`${dir}/`)) as { problems: readonly unknown[] };
    expect(problems).toMatchObject([
      { code: 'spec/file-is-directory', fix: `name the file in it, for example -f ${dir}/passerelle.yaml` },
    ]);
  });

  test('one that cannot be read', async () => {
    const path = join(dir, 'loop.yaml');
    await symlink(path, path);
    expect(await loadSpec(path)).toMatchObject({
      problems: [{ code: 'spec/file-unreadable', fix: 'check its permissions with `ls -l`' }],
    });
  });

  test('more than a megabyte is refused unread, a megabyte is not', async () => {
    const head = 'project: shop\n#';
    const problem = {
      code: 'spec/file-too-large',
      message: 'the file is larger than 1 MB',
      fix: 'split the project into several',
      at: { file: join(dir, 'passerelle.yaml'), line: 1, column: 1 },
    };
    expect(await problemsOf(head.padEnd(MAX_FILE_BYTES, 'x'))).toEqual([]);
    expect(await problemsOf(head.padEnd(MAX_FILE_BYTES + 1, 'x'))).toEqual([problem]);
    expect(await problemsOf(`a: &a x\nb: [${'*a, '.repeat(2_600_000)}]`)).toEqual([problem]);
    expect(await loadSpec('/dev/zero')).toMatchObject({ problems: [{ code: 'spec/file-too-large' }] });
  });

  test.each([
    [[0x61, 0x3a, 0x0a, 0x62, 0xff], 2, 2, '0xff'],
    [[0xff, 0xfe, 0x61, 0x00], 1, 1, '0xff'],
    [[0xc3, 0xa9, 0x20, 0xc3], 1, 3, '0xc3'],
    [[0xef, 0xbf, 0xbd, 0x80], 1, 2, '0x80'],
    [[0xef, 0xbb, 0xbf, 0x61, 0x80], 1, 2, '0x80'],
  ])('bytes %j that are not UTF-8', (bytes, line, column, byte) => {
    expect(parseSpecBytes(Uint8Array.from(bytes), 'f')).toEqual({
      problems: [
        {
          code: 'spec/not-utf8',
          message: `the byte ${byte} here is not UTF-8 text`,
          fix: 'save the file as UTF-8',
          at: { file: 'f', line, column },
        },
      ],
    });
  });

  test('an aborted signal stops it', async () => {
    await expect(loadSpec('/dev/zero', { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow(
      'stop',
    );
  });
});
