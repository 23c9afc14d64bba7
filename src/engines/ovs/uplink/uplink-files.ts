/** The files that the watchdog of an uplink goes by, and what is asked of them after the death of its command. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isWaiting, type WatchdogFiles } from '../../kernel-gateway/uplink/watchdog.js';

export interface UplinkFiles extends WatchdogFiles {
  /** Who answered before the change, as JSON. */
  readonly witnesses: string;
}

export function uplinkFiles(directory: string, network: string): UplinkFiles {
  const base = join(directory, `uplink-${network}`);
  return {
    wayBack: `${base}.way-back`,
    committed: `${base}.committed`,
    reverted: `${base}.reverted`,
    witnesses: `${base}.witnesses`,
  };
}

/** Networks whose uplink waits for a word. */
export async function waitingUplinks(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const networks = names.flatMap((name) => /^uplink-(.+)\.way-back$/u.exec(name)?.[1] ?? []);
  const waiting = await Promise.all(
    networks.map(async (network) => ((await isWaiting(uplinkFiles(directory, network))) ? [network] : [])),
  );
  return waiting.flat();
}

/** A file that is lost or cut off names nobody: then the change is nobody's loss, and stays. */
export async function readWitnesses(files: UplinkFiles): Promise<string[]> {
  try {
    const read: unknown = JSON.parse(await readFile(files.witnesses, 'utf8'));
    return Array.isArray(read) ? read.filter((each) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}

/** Where nothing stands any more, what watchdogs left after the death of their commands goes too. */
export async function sweepUplinkFiles(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const left = names.filter((name) => /^uplink-.+\.(?:way-back|committed|reverted|witnesses)$/u.test(name));
  await Promise.all(left.map((name) => rm(join(directory, name), { force: true })));
}
