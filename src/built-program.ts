import { fileURLToPath } from 'node:url';

/**
 * A program of the build by its path below `dist/`, `fabric/main.js`: also when the caller runs from its sources under
 * test, or is bundled. This file, like every place it is bundled to, is one step below the root.
 */
export function builtProgram(path: string): string {
  return fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
}
