import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Finding } from '../engines/contract.js';

/** The first QEMU with `-netdev stream` over unix sockets. */
const OLDEST_QEMU = { major: 7, minor: 2 };

/** Whether this host has a QEMU that machines can be started with. */
export async function inspectQemu(signal: AbortSignal): Promise<Finding[]> {
  const subject = 'QEMU';
  const fix = 'sudo apt-get install qemu-system-x86';
  let text: string;
  try {
    text = (await promisify(execFile)('qemu-system-x86_64', ['--version'], { signal })).stdout;
  } catch {
    signal.throwIfAborted();
    return [{ subject, state: 'missing', detail: 'qemu-system-x86_64 is not installed', fix }];
  }
  const [, major = 0, minor = 0] = (/version (\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  const isRecent = major > OLDEST_QEMU.major || (major === OLDEST_QEMU.major && minor >= OLDEST_QEMU.minor);
  const detail = `${major}.${minor}; ${OLDEST_QEMU.major}.${OLDEST_QEMU.minor} or newer is needed`;
  return isRecent ? [{ subject, state: 'ok', detail }] : [{ subject, state: 'missing', detail, fix }];
}
