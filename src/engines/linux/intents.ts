/**
 * A link gets its mark one moment after it is made. A kill in that moment leaves a link without a mark, so the names that
 * are about to be made are written down first, each with its mark: what then stands under such a name is ours.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readJsonFile, writeJsonFile } from '../../plan/json-file.js';
import type { Mark } from './marks.js';
import type { Intents } from './observe.js';

export class IntentFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Intents> {
    return new Map((await readJsonFile(this.#path)) as [string, Mark][] | undefined);
  }

  async write(intents: Intents): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeJsonFile(this.#path, [...intents]);
  }

  async clear(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
