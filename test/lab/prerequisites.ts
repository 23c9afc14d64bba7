/**
 * What a suite needs of the machine that it runs on. Who runs it is a fact, so a suite that needs root is skipped for an
 * ordinary user, and says so. Programs are ours to install (scripts/install-packages.sh test), so one that is missing is
 * a failure: a suite that skips itself would pass on a machine where nothing of it ran.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Prerequisites {
  readonly root?: boolean;
  /** Names looked for in PATH. */
  readonly programs: readonly string[];
}

/**
 * @returns why the suite is to be skipped here; undefined when it can run.
 * @throws Error naming the programs that are not installed.
 */
export function whySkipped({ root = false, programs }: Prerequisites): string | undefined {
  if (root && process.getuid?.() !== 0) return 'it makes network namespaces, which wants root';
  const missing = programs.filter((program) => !inPath(program));
  if (missing.length > 0) {
    throw new Error(`not installed: ${missing.join(', ')}. Type scripts/install-packages.sh test`);
  }
  return undefined;
}

function inPath(program: string): boolean {
  // Debian keeps switches and daemons out of an ordinary user's PATH.
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
