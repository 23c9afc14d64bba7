import { readFile } from 'node:fs/promises';

const TAIL_BYTES = 2_048;

/** The last line of a program's log; empty when there is none. */
export async function readTail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.slice(-TAIL_BYTES).trim().split('\n').at(-1) ?? '';
}
