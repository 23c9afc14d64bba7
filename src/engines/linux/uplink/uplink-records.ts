/** What is written down of each uplink that is taken, beside the files of its watchdog. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile, writeJsonFile } from '../../../plan/json-file.js';
import type { DhcpClientFiles } from './dhcp-lease.js';
import type { UplinkRecord } from './uplink-resource.js';
import { isWaiting, removeWatchdogFiles, type WatchdogFiles } from '../../kernel-gateway/uplink/watchdog.js';

/** As it stands in the file. */
export interface WrittenRecord {
  /** As the file of the project said it. */
  readonly uplink: string;
  readonly device: string;
  readonly probes: readonly string[];
  /** Addresses that came by DHCP, whose client does not know of the bridge. */
  readonly leased: readonly string[];
  /** The host's own client of these, which sleeps while another renews them on the bridge. */
  readonly sleeper?: { readonly pid: number; readonly words: readonly string[] };
}

export class UplinkRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  files(network: string): WatchdogFiles {
    const base = join(this.#directory, `uplink-${network}`);
    return { wayBack: `${base}.way-back`, committed: `${base}.committed`, reverted: `${base}.reverted` };
  }

  clientFiles(network: string): DhcpClientFiles {
    const base = join(this.#directory, `uplink-${network}`);
    return { script: `${base}.dhcp-script`, pid: `${base}.dhcp-pid`, leases: `${base}.dhcp-leases` };
  }

  async networks(): Promise<string[]> {
    const names = await readdir(this.#directory).catch(() => []);
    return names.flatMap((name) => /^uplink-(.+)\.json$/.exec(name)?.[1] ?? []);
  }

  async read(network: string): Promise<(WrittenRecord & UplinkRecord) | undefined> {
    const written = (await readJsonFile(this.#path(network))) as WrittenRecord | undefined;
    return written && { ...written, isCommitted: !(await isWaiting(this.files(network))) };
  }

  async write(network: string, record: WrittenRecord): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeJsonFile(this.#path(network), record);
  }

  async forget(network: string): Promise<void> {
    await removeWatchdogFiles(this.files(network));
    for (const path of Object.values(this.clientFiles(network)) as string[]) await rm(path, { force: true });
    await rm(this.#path(network), { force: true });
  }

  #path(network: string): string {
    return join(this.#directory, `uplink-${network}.json`);
  }
}
