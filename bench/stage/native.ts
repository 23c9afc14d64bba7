import { mkdir, rename } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runProcess } from './processes.js';
import type { Scope } from './scope.js';

const built = new Map<string, Promise<string>>();

/** Compiles `bench/native/NAME.c`, once for each process. @returns the program's path. */
export function nativeProgram(scope: Scope, name: string): Promise<string> {
  let program = built.get(name);
  if (program === undefined) {
    program = compile(scope, name);
    built.set(name, program);
  }
  return program;
}

async function compile(scope: Scope, name: string): Promise<string> {
  const directory = fileURLToPath(new URL('../../.cache/bench/', import.meta.url));
  const source = fileURLToPath(new URL(`../native/${name}.c`, import.meta.url));
  const program = `${directory}${name}`;
  const fresh = `${program}.${process.pid}`;
  await mkdir(directory, { recursive: true });
  await runProcess(scope, ['cc', '-O2', '-Wall', '-o', fresh, source], { timeoutMs: 60_000 });
  await rename(fresh, program);
  return program;
}
