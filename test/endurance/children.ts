/** What is measured runs in a process of its own: nothing else is on its heap, and it may collect garbage at will. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const LOADER = fileURLToPath(new URL('../lab/typescript-loader.mjs', import.meta.url));

/** How much more than in `make test` is done; `make fuzz` sets it. */
export const FACTOR = Number(process.env['ENDURANCE_FACTOR'] ?? 1);

/**
 * Runs a program of this folder in a network namespace that holds nothing but a loopback, so that whatever a hostile
 * machine is translated to goes nowhere. @returns the JSON that it prints.
 */
export async function runChild<T>(program: string, argument: number, timeoutMs: number): Promise<T> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const node = [process.execPath, '--expose-gc', '--import', LOADER, path, String(argument)];
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...node],
    { timeout: timeoutMs, killSignal: 'SIGKILL' },
  );
  return JSON.parse(stdout) as T;
}
