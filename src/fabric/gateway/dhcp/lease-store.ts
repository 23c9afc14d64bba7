/**
 * Leases on disk, so that machines keep their addresses over a restart of the fabric.
 *
 * One JSON file for all networks. Changes within SAVE_DELAY_MS become one write, to a temporary file that is synced and
 * renamed over the old one: a reader, or a restart after a crash, finds the old file or the new one. What a crash loses
 * is at most the changes of that delay, and the server grants a free address again to the client that still holds it.
 * A file that cannot be read as leases is told to the log, kept beside as `.damaged`, and the store starts empty.
 */
import { readFileSync, renameSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseIpv4 } from '../../../wire/address.js';
import { parseMac } from '../../../wire/ethernet.js';

/** A lease as the file has it. */
export interface StoredLease {
  readonly network: string;
  /** Lower case, colon-separated. */
  readonly mac: string;
  /** Dotted quad. */
  readonly address: string;
  readonly hostname?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

export type Log = (line: string) => void;

const SAVE_DELAY_MS = 250;
const VERSION = 1;

export class LeaseStore {
  readonly #path: string;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  /** The write under way; the next one waits for it. */
  #writing: Promise<void> | undefined;
  /** What is to be written next. */
  #snapshot: (() => Iterable<StoredLease>) | undefined;
  /** The last write failed; told once, until one succeeds. */
  #failing = false;

  /** @param path the file; its directory is made at the first write, 0700. */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** What the file has; empty when there is none or it is damaged. */
  load(): StoredLease[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (!isMissing(error))
        this.#log(`leases: cannot read ${this.#path}: ${reasonOf(error)}; starting empty`);
      return [];
    }
    const { leases, damage } = parseLeases(text);
    if (damage !== undefined) {
      this.#log(
        `leases: ${this.#path} is damaged (${damage}); kept ${leases.length}, the file is beside as .damaged`,
      );
      this.#keepDamaged();
    }
    return leases;
  }

  /** Something changed: `snapshot` is called when it is time to write. */
  save(snapshot: () => Iterable<StoredLease>): void {
    this.#snapshot = snapshot;
    this.#schedule();
  }

  /** Writes what waits to be written. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    if (snapshot !== undefined) await this.#write(snapshot);
  }

  #schedule(): void {
    if (this.#writing === undefined) this.#timer ??= setTimeout(() => this.#flush(), SAVE_DELAY_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    this.#snapshot = undefined;
    this.#writing = this.#writeAndContinue(snapshot);
  }

  async #writeAndContinue(snapshot: () => Iterable<StoredLease>): Promise<void> {
    await this.#write(snapshot);
    this.#writing = undefined;
    if (this.#snapshot !== undefined) this.#schedule();
  }

  async #write(snapshot: () => Iterable<StoredLease>): Promise<void> {
    const text = `${JSON.stringify({ version: VERSION, leases: [...snapshot()] })}\n`;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      const temporaryPath = `${this.#path}.tmp`;
      const file = await open(temporaryPath, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporaryPath, this.#path);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log(`leases: cannot write ${this.#path}: ${reasonOf(error)}`);
      this.#failing = true;
    }
  }

  #keepDamaged(): void {
    try {
      renameSync(this.#path, `${this.#path}.damaged`);
    } catch (error) {
      this.#log(`leases: cannot rename ${this.#path}: ${reasonOf(error)}`);
    }
  }
}

/** Reads the file's text. Entries that are no leases are left out, and said. */
export function parseLeases(text: string): { leases: StoredLease[]; damage?: string } {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return { leases: [], damage: 'not JSON' };
  }
  if (!isRecord(file) || file['version'] !== VERSION || !Array.isArray(file['leases'])) {
    return { leases: [], damage: 'not a list of leases' };
  }
  const entries = file['leases'] as readonly unknown[];
  const leases = entries.filter(isStoredLease);
  if (leases.length === entries.length) return { leases };
  return { leases, damage: `${entries.length - leases.length} entries are no leases` };
}

function isStoredLease(value: unknown): value is StoredLease {
  if (!isRecord(value)) return false;
  const { network, mac, address, hostname, expiresAtMs } = value;
  return (
    typeof network === 'string' &&
    typeof mac === 'string' &&
    parseMac(mac) !== undefined &&
    typeof address === 'string' &&
    parseIpv4(address) !== undefined &&
    (hostname === undefined || typeof hostname === 'string') &&
    Number.isFinite(expiresAtMs)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isMissing(error: unknown): boolean {
  return isRecord(error) && error['code'] === 'ENOENT';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
