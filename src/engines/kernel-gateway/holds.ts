/**
 * Settings of the host that are not ours and that projects need changed: forwarding on the uplink, br_netfilter. Goal:
 * the first project that needs one writes down what it was, the last one that leaves puts it back. Events: hold, release,
 * a kill in between. The register is a directory of the run directory, so that it goes with the settings at a reboot:
 * `SETTING/original` (made once, by whoever is first) and `SETTING/by/HOLDER`. The value is written after the entry, and
 * put back before the entry goes: a kill leaves an entry too many, never a changed setting that nobody remembers.
 */
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../../clients/command/run.js';
import { readSettings, writeSettings } from '../../clients/sysctl/sysctl.js';

export interface Hold {
  readonly setting: string;
  readonly value: string;
}

export class HoldRegister {
  readonly #directory: string;
  readonly #holder: string;
  readonly #run: Run;

  /** @param holder unique among projects and engines of the host, for example `shop.linux`. */
  constructor(directory: string, holder: string, run: Run) {
    this.#directory = directory;
    this.#holder = holder;
    this.#run = run;
  }

  /** What this holder holds. */
  async held(): Promise<Hold[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const holds = await Promise.all(
      names.map(async (name): Promise<Hold[]> => {
        const value = await readFile(this.#entryPath(name), 'utf8').catch(() => undefined);
        return value === undefined ? [] : [{ setting: decodeURIComponent(name), value }];
      }),
    );
    return holds.flat();
  }

  /** Sets each to the value for as long as this holder wants it. Settings that the kernel lacks are left out. */
  async hold(wanted: readonly Hold[], signal: AbortSignal): Promise<void> {
    const current = await readSettings(
      this.#run,
      wanted.map(({ setting }) => setting),
      signal,
    );
    const known = wanted.filter(({ setting }) => current.has(setting));
    for (const { setting, value } of known) {
      const name = encodeURIComponent(setting);
      await mkdir(join(this.#directory, name, 'by'), { recursive: true, mode: 0o700 });
      await writeFile(join(this.#directory, name, 'original'), current.get(setting) ?? '', {
        flag: 'wx',
      }).catch(ignoreExisting);
      await writeFile(this.#entryPath(name), value);
    }
    const changes = known.filter(({ setting, value }) => current.get(setting) !== value);
    await writeSettings(this.#run, new Map(changes.map(({ setting, value }) => [setting, value])), signal);
  }

  /** Gives them up; what nobody else holds is put back. A device that is gone took its settings with it. */
  async release(settings: readonly string[], signal: AbortSignal): Promise<void> {
    if (settings.length === 0) return;
    const standing = await readSettings(this.#run, settings, signal);
    const putBack = new Map<string, string>();
    const forgotten: string[] = [];
    for (const setting of settings) {
      const name = encodeURIComponent(setting);
      const directory = join(this.#directory, name);
      const holders = await readdir(join(directory, 'by')).catch(() => []);
      if (holders.some((holder) => holder !== this.#holder)) {
        forgotten.push(this.#entryPath(name));
        continue;
      }
      const original = await readFile(join(directory, 'original'), 'utf8').catch(() => undefined);
      if (original !== undefined && standing.has(setting)) putBack.set(setting, original);
      forgotten.push(directory);
    }
    await writeSettings(this.#run, putBack, signal);
    for (const path of forgotten) await rm(path, { recursive: true, force: true });
    await rmdir(this.#directory).catch(() => undefined);
  }

  #entryPath(name: string): string {
    return join(this.#directory, name, 'by', this.#holder);
  }
}

function ignoreExisting(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'EEXIST') throw cause;
}
