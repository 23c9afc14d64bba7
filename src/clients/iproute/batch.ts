/**
 * `ip -batch`, and `bridge -batch` for forwarding tables: many changes, one process. The kernel has no transaction over
 * links: the batch stops at the first line that is refused, and what stood before it stays. The lines go through a file,
 * so that a killed parent can never leave a line cut short on a pipe, which ip would carry out all the same.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';

export interface BatchOptions {
  /** Which of iproute2's programs; absent: `ip`. */
  readonly program?: 'ip' | 'bridge';
  /** Directory for the batch file; made when it is not there, 0700. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Every line is tried, whatever became of the others, and nothing is thrown: for a way back. */
  readonly force?: boolean;
  /** Of lines that do not tell it themselves: rules, routes to everywhere. */
  readonly family?: 4 | 6;
}

/**
 * Carries out lines such as `link add name br0 type bridge`, in order.
 * @throws PasserelleError `iproute/refused` with the line that was refused and what the kernel said.
 */
export async function runBatch(run: Run, lines: readonly string[], options: BatchOptions): Promise<void> {
  if (lines.length === 0) return;
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const { program = 'ip' } = options;
  const path = join(options.directory, `batch-${process.pid}.${program}`);
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  try {
    const force = options.force === true ? ['-force'] : [];
    const family = options.family === undefined ? [] : [`-${options.family}`];
    const { exitCode, stderr } = await run([program, ...family, ...force, '-batch', path], {
      signal: options.signal,
    });
    if (exitCode !== 0 && options.force !== true) throw batchError(lines, stderr, program);
  } finally {
    await rm(path, { force: true });
  }
}

/** The error that names the refused line; ip says `Command failed FILE:LINE` after the reason. */
export function batchError(lines: readonly string[], stderr: string, program = 'ip'): PasserelleError {
  const failed = /^Command failed .*:(\d+)$/m.exec(stderr);
  const line = lines[Number(failed?.[1] ?? 0) - 1];
  const reason = stderr
    .split('\n')
    .filter((text) => text !== '' && !text.startsWith('Command failed'))
    .map((text) => text.replace(/^(?:RTNETLINK answers|Error): /, ''))
    .join('; ');
  return new PasserelleError({
    code: 'iproute/refused',
    message: `the kernel refused \`${program} ${line ?? '-batch'}\`: ${reason || 'no reason given'}`,
    fix: fixFor(reason),
  });
}

function fixFor(reason: string): string {
  if (reason.includes('Operation not permitted')) return 'run it as root: `sudo passerelle …`';
  // A tunnel that comes up opens its UDP port, which tunnels of the kernel share among themselves only.
  if (reason.includes('Address already in use'))
    return 'something else has the UDP port of the tunnel: `ss -ulnp` names a program, `ip -d link show type vxlan` a tunnel of Open vSwitch';
  return 'run `passerelle doctor`: it says what this kernel lacks';
}
