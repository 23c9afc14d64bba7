import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitShellWords } from './shell-words.js';

function words(line: string): string[] {
  const result = splitShellWords(line);
  if ('fault' in result) throw new Error(result.fault.message);
  return result.value;
}

/** A word in a form that needs no thought: single quotes, and a quoted quote between them. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

describe('shell words', () => {
  test('words that are quoted come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (rest) => {
        const list = ['qemu', ...rest];
        expect(words(list.map(quote).join('  \t'))).toEqual(list);
      }),
    );
  });

  test('any line gives words or a fault', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '\\', '\n', '$') }), (line) => {
        const result = splitShellWords(line);
        if ('fault' in result) expect(result.fault.code).toBe('spec/bad-command');
        else expect(result.value[0]).not.toBe('');
      }),
    );
  });

  test('the system shell splits the same words', () => {
    // No `$`, `` ` ``, `*` and the like: a shell would expand them, and we do not. A lone newline ends a command there.
    const unit = fc.constantFrom('a', 'b', ' ', '\t', "'", '"', '\\', '\\\n', '=', ',', '-');
    const lines = fc.sample(fc.string({ unit, maxLength: 14 }), { numRuns: 400, seed: 7 });
    const cases = lines.flatMap((line) => {
      const result = splitShellWords(`x ${line}`);
      const endsCommand = /(^|[^\\])(\\\\)*\n/.test(line);
      return 'value' in result && !endsCommand ? [{ line, words: result.value }] : [];
    });
    expect(cases.length).toBeGreaterThan(100);
    const script = cases.map(({ line }) => `set -- x ${line}\nprintf '%s\\0' "$#" "$@"`).join('\n');
    const output = execFileSync('/bin/sh', ['-s'], { input: script, encoding: 'utf8' }).split('\0');
    for (const { line, words: ours } of cases) {
      const count = Number(output.shift());
      expect({ line, words: output.splice(0, count) }).toEqual({ line, words: ours });
    }
  });

  test.each([
    ['qemu-system-x86_64 -m 256 -hda web1.qcow2', ['qemu-system-x86_64', '-m', '256', '-hda', 'web1.qcow2']],
    [`qemu -append "console=ttyS0 a\\"b" 'x y'z`, ['qemu', '-append', 'console=ttyS0 a"b', 'x yz']],
    ['qemu \\\n  -m 256', ['qemu', '-m', '256']],
    ['qemu $HOME/*.img ~ | cat # no comment', ['qemu', '$HOME/*.img', '~', '|', 'cat', '#', 'no', 'comment']],
    [`qemu ""`, ['qemu', '']],
  ])('%s', (line, expected) => expect(words(line)).toEqual(expected));

  test.each([
    ["qemu 'a", 'the command ends inside single quotes', "close them with '"],
    ['qemu "a\\"', 'the command ends inside double quotes', 'close them with "'],
    ['qemu a\\', 'the command ends inside a backslash escape', 'write \\\\ for a backslash'],
    [
      ' \n ',
      'the command names no program',
      'write one such as qemu-system-x86_64 -m 256, or leave the key out',
    ],
    [
      "'' -m 256",
      'the command names no program',
      'write one such as qemu-system-x86_64 -m 256, or leave the key out',
    ],
  ])('%s is refused', (line, message, fix) => {
    expect(splitShellWords(line)).toEqual({ fault: { code: 'spec/bad-command', message, fix } });
  });
});
