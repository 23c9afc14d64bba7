/**
 * The address from which the person is logged in by SSH. sshd says it to the shell (`SSH_CONNECTION`, sshd(8)); sudo
 * takes it away from what it runs, so it is looked for among the ancestors of this process.
 */
import { readFile } from 'node:fs/promises';

/** More ancestors than any login has. */
const ANCESTOR_LIMIT = 32;

export async function operatorPeer(pid = process.pid): Promise<string | undefined> {
  let current = pid;
  for (let step = 0; step < ANCESTOR_LIMIT && current > 1; step++) {
    const environment = await readFile(`/proc/${current}/environ`, 'utf8').catch(() => '');
    const peer = peerOf(environment.split('\0'));
    if (peer !== undefined) return peer;
    const stat = await readFile(`/proc/${current}/stat`, 'utf8').catch(() => '');
    // Behind the name in parentheses: state, then the parent (proc(5)).
    current = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
  }
  return undefined;
}

/** `SSH_CONNECTION=CLIENT CLIENT-PORT SERVER SERVER-PORT`. Pure. */
export function peerOf(environment: readonly string[]): string | undefined {
  const entry = environment.find((line) => line.startsWith('SSH_CONNECTION='));
  const address = entry?.slice('SSH_CONNECTION='.length).split(' ')[0];
  return address === '' ? undefined : address;
}
