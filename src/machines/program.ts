import { access, constants, stat } from 'node:fs/promises';
import { basename, delimiter, resolve } from 'node:path';
import type { Problem } from '../errors.js';

/** The program's path, as the machine's directory and PATH lead to it; undefined when there is none to run. */
export async function findProgram(
  program: string,
  directory: string,
  searchPath: string,
): Promise<string | undefined> {
  const candidates = program.includes('/')
    ? [resolve(directory, program)]
    : searchPath.split(delimiter).map((entry) => resolve(directory, entry, program));
  for (const candidate of candidates) {
    if (await isExecutableFile(candidate)) return candidate;
  }
  return undefined;
}

/** What to tell when a machine's program is not there. */
export function missingProgramProblem(machine: string, program: string): Problem {
  const packageName = packageOf(program);
  return {
    code: 'machine/command-missing',
    message: `machine ${machine} starts with ${program}, which is not on this host`,
    fix:
      packageName === undefined
        ? 'write the path of a program, or put its directory into PATH'
        : `type: sudo apt-get install ${packageName}`,
  };
}

/** The Debian package that has a QEMU. */
export function packageOf(program: string): string | undefined {
  const name = basename(program);
  if (name === 'kvm' || name === 'qemu-kvm') return 'qemu-system-x86';
  const target = /^qemu-system-([a-z0-9_]+)$/.exec(name)?.[1];
  if (target === undefined) return undefined;
  if (/^(x86_64|i386)$/.test(target)) return 'qemu-system-x86';
  if (/^(aarch64|arm)$/.test(target)) return 'qemu-system-arm';
  if (/^ppc(64)?$/.test(target)) return 'qemu-system-ppc';
  if (/^mips(64)?(el)?$/.test(target)) return 'qemu-system-mips';
  if (/^sparc(64)?$/.test(target)) return 'qemu-system-sparc';
  return 'qemu-system-misc';
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
