import { readdir, readFile, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes the NIC sockets nobody listens on any more. One that a machine started by hand still listens on stays, so that
 * the next `up` finds that machine again.
 */
export async function removeDeadSockets(runDir: string): Promise<void> {
  const directory = join(runDir, 'nics');
  const names = await readdir(directory).catch(() => []);
  const bound = await boundSocketPaths();
  for (const name of names) {
    const path = join(directory, name);
    if (!bound.has(path)) await unlink(path);
  }
  await rmdir(directory).catch(() => undefined);
  // The fabric empties it when it ends; one that was killed could not.
  await rm(join(runDir, 'vde'), { recursive: true, force: true });
}

/** Paths of every unix socket of this network namespace (proc(5), /proc/net/unix, last column). */
async function boundSocketPaths(): Promise<Set<string>> {
  const table = await readFile('/proc/net/unix', 'utf8');
  return new Set(table.split('\n').flatMap((line) => line.split(/\s+/)[7] ?? []));
}
