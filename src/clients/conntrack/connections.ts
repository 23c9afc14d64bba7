/**
 * Connections that the kernel keeps in mind (conntrack(8)): who was translated to whom is decided by a connection's first
 * packet and holds as long as packets come, whatever the rules say by then.
 */
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';

/** What conntrack says when it was let do its work; with nothing to end its exit status is 1. */
const DONE = /\b\d+ flow entries have been deleted/;

/** Words after `conntrack` that end every connection to an address, and every one that was given it as its source. */
export function endingWords(address: string): string[][] {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  return ['--orig-dst', '--reply-dst'].map((side) => ['-D', '-f', family, side, address]);
}

/** Forgets every connection by the address: their next packets meet the rules as first ones do. */
export async function endConnections(run: Run, address: string, signal: AbortSignal): Promise<void> {
  for (const words of endingWords(address)) {
    const { exitCode, stderr } = await run(['conntrack', ...words], { signal });
    if (exitCode === 0 || DONE.test(stderr)) continue;
    throw new PasserelleError({
      code: 'conntrack/refused',
      message: `the kernel did not forget the connections of ${address}: ${stderr.trim().split('\n')[0] ?? ''}`,
      fix: 'run it as root: `sudo passerelle …`',
    });
  }
}
