/**
 * Resources whose meaning depends on the host as it is now, as they were asked for. The file says only what was asked;
 * whether it is so is read from the kernel each time.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readJsonFile, writeJsonFile } from '../../plan/json-file.js';
import { type Change, type Json, type Resource, subjectOf } from '../../plan/resource.js';

/** By id. */
export type Wishes = ReadonlyMap<string, Resource>;

/** As a wish is seen that the host does not fulfil as it is now, or whose fulfilment is under way: the next plan asks again. */
export function asUnfulfilled(wish: Resource): Resource {
  return { ...wish, properties: {} };
}

export class WishFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Wishes> {
    const list = (await readJsonFile(this.#path)) as WrittenWish[] | undefined;
    return new Map(
      (list ?? []).map(({ id, kind, properties }) => [
        id,
        { id, kind, properties, provider: id.split('/')[0] ?? '', needs: [], affects: [] },
      ]),
    );
  }

  /**
   * Carries changes out by `reconcile`, which is given what is wished for afterwards. What goes stays written down until
   * it is gone, and what comes is written down before: after a kill nothing of it is forgotten.
   */
  async change(changes: readonly Change[], reconcile: (wanted: Wishes) => Promise<void>): Promise<void> {
    const standing = await this.read();
    const wanted = new Map(standing);
    for (const change of changes) {
      const { id } = subjectOf(change);
      if (change.action === 'delete') wanted.delete(id);
      else wanted.set(id, change.after);
    }
    await this.#write(new Map([...standing, ...wanted]));
    await reconcile(wanted);
    await this.#write(wanted);
  }

  /** Writes down what is about to come, before anything is done for it: after a kill it is found and taken back. */
  async announce(coming: readonly Resource[]): Promise<void> {
    await this.#write(new Map([...(await this.read()), ...coming.map((wish) => [wish.id, wish] as const)]));
  }

  async #write(wishes: Wishes): Promise<void> {
    if (wishes.size === 0) return rm(this.#path, { force: true });
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeJsonFile(
      this.#path,
      [...wishes.values()].map(({ id, kind, properties }): WrittenWish => ({ id, kind, properties })),
    );
  }
}

interface WrittenWish {
  readonly id: string;
  readonly kind: string;
  readonly properties: Readonly<Record<string, Json>>;
}
