/**
 * Follows packets through every rule of the host. Theory of operation: one `nft -i` holds a table that marks packets;
 * the table belongs to that process (`flags owner`, Linux 5.12), so the kernel removes it when the process ends, however
 * that comes about. A second process, `nft monitor trace`, tells what marked packets meet. Both end with the signal, and
 * with this process: the first since its input ends, the second by a signal of the kernel (setpriv(1) `--pdeathsig`).
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { PasserelleError } from '../../errors.js';
import { argumentsIn } from '../command/run.js';
import { parseTraceLine, type TraceLine } from './trace-line.js';

/** Line by line: into a pipe, nft would keep what it has to say until it is much. */
const MONITOR = ['setpriv', '--pdeathsig', 'TERM', 'stdbuf', '-oL', 'nft', 'monitor', 'trace'];

/** For nft to have made the tables, or said why not. */
const START_LIMIT_MS = 5000;

/** A table for as long as packets are followed. */
export interface MarkingTable {
  /** One that nobody else uses: a table of another process with this name is not touched, and refused. */
  readonly name: string;
  /** Family -> chains, in the words of nft(8), of rules that say `meta nftrace set 1`. */
  readonly chains: Readonly<Record<string, readonly string[]>>;
}

/**
 * What marked packets meet, until the signal aborts.
 * @throws PasserelleError `trace/refused` with what nft says.
 */
export async function* followPackets(
  namespace: string | undefined,
  table: MarkingTable,
  signal: AbortSignal,
): AsyncIterable<TraceLine> {
  const children = [start(namespace, ['nft', '-i'])] as [Nft, ...Nft[]];
  const [marker] = children;
  const stop = (): void => {
    marker.stdin.end();
    for (const child of children) child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await makeTables(marker, table, signal);
    if (signal.aborted) return;
    // Only now: it learns the tables as it starts, and what is made just then would be in its way.
    const monitor = start(namespace, MONITOR);
    children.push(monitor);
    let complaint = '';
    monitor.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
    for await (const line of createInterface({ input: monitor.stdout })) {
      const told = parseTraceLine(line);
      if (told !== undefined) yield told;
    }
    if (!signal.aborted) throw refused(complaint);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

type Nft = ChildProcessByStdio<Writable, Readable, Readable>;

function start(namespace: string | undefined, argv: readonly string[]): Nft {
  const [program = '', ...rest] = argumentsIn(namespace, argv);
  // In a session of its own: Ctrl-C is for this process to hear, which then ends them.
  const child = spawn(program, rest, {
    stdio: 'pipe',
    env: { ...process.env, LC_ALL: 'C' },
    detached: true,
  });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  return child;
}

/** Resolves when nft lists the tables that it was asked to make. */
function makeTables(marker: Nft, { name, chains }: MarkingTable, signal: AbortSignal): Promise<void> {
  const families = Object.keys(chains);
  const commands = families.map(
    (family) => `add table ${family} ${name} { flags owner ; ${chains[family]?.join(' ; ') ?? ''} ; }`,
  );
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (): void => reject(refused(said));
    const limit = setTimeout(fail, START_LIMIT_MS);
    const done = (settle: () => void): void => {
      clearTimeout(limit);
      settle();
    };
    const hear = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
      if (said.includes('Error:')) done(fail);
      else if (families.every((family) => said.includes(`table ${family} ${name}\n`))) done(resolve);
    };
    marker.stdout.on('data', hear);
    marker.stderr.on('data', hear);
    marker.once('close', () => done(fail));
    signal.addEventListener('abort', () => done(resolve), { once: true });
    marker.stdin.write(`${[...commands, 'list tables'].join('\n')}\n`);
  });
}

function refused(said: string): PasserelleError {
  const reason = said.trim().split('\n')[0] ?? '';
  return new PasserelleError({
    code: 'trace/refused',
    message: `nftables does not follow packets here${reason === '' ? '' : `: ${reason}`}`,
    fix: 'run `passerelle doctor`: it says what this host lacks (nft 1.0, Linux 5.12)',
  });
}
