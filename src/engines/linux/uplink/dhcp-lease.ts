/**
 * The host's DHCP lease while its NIC is in a bridge. Theory of operation: the client that has the lease speaks through
 * the NIC, where no answer reaches it any more, and would put a renewed address back on it. So it sleeps (SIGSTOP) for as
 * long as the NIC is ours, and a client of the same kind renews the lease on the bridge, which has the same MAC and so is
 * the same client to the server (RFC 2131 section 4.2). That one's script is ours: it renews address and gateway, and
 * never takes anything away, so that its start cuts nothing; whom the host asks for names stays as it was. On the way
 * back it ends, and the sleeper wakes (SIGCONT) with its lease as it knew it. A client that is a part of a manager of all
 * NICs cannot be put to sleep: then the address is kept without being renewed, and `status` says so.
 */
import { spawn } from 'node:child_process';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { argumentsIn } from '../../../clients/command/run.js';

/** A client of the host's own that serves one NIC. */
export interface DhcpClient {
  readonly pid: number;
  readonly program: 'dhclient' | 'udhcpc';
  /** Whole command line. */
  readonly words: readonly string[];
}

/** Where the client on the bridge keeps what is its own. */
export interface DhcpClientFiles {
  readonly script: string;
  readonly pid: string;
  readonly leases: string;
}

/** The client that serves the NIC in a network namespace, found by its command line. @param inode of that namespace. */
export async function findDhcpClient(nic: string, inode: string): Promise<DhcpClient | undefined> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<DhcpClient | undefined> => {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, -1);
      const program = servesNic(words, nic);
      if (program === undefined) return undefined;
      const own = await readlink(`/proc/${pid}/ns/net`).catch(() => '');
      return own === inode ? { pid: Number(pid), program, words } : undefined;
    }),
  );
  return found.find((client) => client !== undefined);
}

/** Which client a command line is, when it serves that NIC. Pure. */
export function servesNic(words: readonly string[], nic: string): DhcpClient['program'] | undefined {
  const [first = '', second = ''] = words.map((word) => basename(word));
  const program = first === 'busybox' ? second : first;
  if (program === 'dhclient') return words.slice(1).includes(nic) ? program : undefined;
  if (program !== 'udhcpc') return undefined;
  const at = words.findIndex((word) => word === '-i' || word === '--interface');
  return words[at + 1] === nic || words.includes(`-i${nic}`) || words.includes(`--interface=${nic}`)
    ? program
    : undefined;
}

/** The same client for the bridge, in the foreground, with files and a script of ours. Pure. */
export function renewingArguments(
  client: Pick<DhcpClient, 'program' | 'words'>,
  bridge: string,
  address: string,
  files: DhcpClientFiles,
): string[] {
  if (client.program === 'dhclient') {
    const at = client.words.indexOf('-cf');
    const config = client.words[at + 1];
    const own = at < 0 || config === undefined ? [] : ['-cf', config];
    return [
      'dhclient',
      '-4',
      '-d',
      ...own,
      '-pf',
      files.pid,
      '-lf',
      files.leases,
      '-sf',
      files.script,
      bridge,
    ];
  }
  const head = basename(client.words[0] ?? '') === 'busybox' ? ['busybox', 'udhcpc'] : ['udhcpc'];
  return [...head, '-f', '-i', bridge, '-r', address, '-p', files.pid, '-s', files.script];
}

/**
 * Called by dhclient with `reason` and `new_…` in its environment (dhclient-script(8)), by udhcpc with the event as
 * argument. It adds and renews; an address that the server does not give any more runs out by itself.
 */
export const SCRIPT = `#!/bin/sh
case "\${reason:-$1}" in
  BOUND|RENEW|REBIND|REBOOT)
    ip=$new_ip_address mask=$new_subnet_mask router=$new_routers lease=$new_dhcp_lease_time ;;
  bound|renew) mask=\${subnet:-$mask} ;;
  *) exit 0 ;;
esac
[ -n "$ip" ] && [ -n "$interface" ] || exit 0
seconds=\${lease:-forever}
ip address replace "$ip/\${mask:-32}" dev "$interface" valid_lft "$seconds" preferred_lft "$seconds"
for gateway in $router; do
  ip -4 route show default dev "$interface" | grep -q "via $gateway " ||
    ip route replace default via "$gateway" dev "$interface" proto dhcp
  break
done
`;

/** Starts it in a session of its own, so that it outlives this command. */
export async function startRenewing(
  namespace: string | undefined,
  words: readonly string[],
  files: DhcpClientFiles,
): Promise<void> {
  await writeFile(files.script, SCRIPT, { mode: 0o700 });
  // dhclient wants its file of leases to be there.
  await writeFile(files.leases, '', { mode: 0o600 });
  const [program = '', ...rest] = argumentsIn(namespace, words);
  const child = spawn(program, rest, { detached: true, stdio: 'ignore', cwd: '/' });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
}

/** Ends whoever renews with that script, whatever became of its pid file. */
export async function stopRenewing(files: DhcpClientFiles): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    // Without a word to the server: the sleeper goes on with the lease.
    if (words.includes(files.script) && words.some((word) => /(^|\/)(dhclient|udhcpc)$/.test(word)))
      signal(Number(pid), 'SIGKILL');
  }
}

/** Whether somebody renews with that script. */
export async function isRenewing(files: DhcpClientFiles): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')),
  );
  return lines.some((words) => words.includes(files.script));
}

export function putToSleep({ pid }: Pick<DhcpClient, 'pid'>): void {
  signal(pid, 'SIGSTOP');
}

/** Wakes the client that slept, if the process of that number is still it. */
export async function wake({ pid, words }: Pick<DhcpClient, 'pid' | 'words'>): Promise<void> {
  const now = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, -1);
  if (now.join('\0') === words.join('\0')) signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}
