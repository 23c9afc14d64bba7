import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { argumentsIn, runnerIn, shellWord } from './run.js';

const never = new AbortController().signal;

it('collects what a program says, and its exit status, and hands it its input', async () => {
  const run = runnerIn();
  const said = await run(['sh', '-c', 'cat; echo no >&2; exit 3'], { signal: never, input: 'hello' });
  expect(said).toEqual({ exitCode: 3, stdout: 'hello', stderr: 'no\n' });
});

it('says which program is missing', async () => {
  await expect(runnerIn()(['no-such-program-here'], { signal: never })).rejects.toMatchObject({
    problems: [{ code: 'command/not-found' }],
  });
});

it('ends the program when the signal aborts', async () => {
  const abort = new AbortController();
  const waiting = runnerIn()(['sleep', '60'], { signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(runnerIn()(['true'], { signal: abort.signal })).rejects.toThrow('enough');
});

it('goes into a namespace by ip itself or around any other program', () => {
  expect(argumentsIn('blue', ['ip', 'link'])).toEqual(['ip', '-n', 'blue', 'link']);
  expect(argumentsIn('blue', ['nft', '-v'])).toEqual(['ip', 'netns', 'exec', 'blue', 'nft', '-v']);
  expect(argumentsIn(undefined, ['nft', '-v'])).toEqual(['nft', '-v']);
});

it('quotes any word so that a shell gives it back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((word) => !word.includes('\0')),
      (word) => {
        const said = execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' });
        expect(said).toBe(word);
      },
    ),
    { numRuns: 40 },
  );
  expect(shellWord('net.ipv4.conf.br0.forwarding=1')).toBe('net.ipv4.conf.br0.forwarding=1');
});
