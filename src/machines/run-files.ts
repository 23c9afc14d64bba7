import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PasserelleError } from '../errors.js';
import type { Places } from '../places.js';
import type { Json } from '../plan/resource.js';
import { qmpArgument } from './command-line.js';
import { findMarked, identify, isAlive, type ProcessIdentity } from './process-table.js';

/**
 * What is kept of a running machine, in `<runDir>/machines/NAME/`.
 *
 * `machine.json` (what it was started with) is written before the process starts, `pid` right after. A command that
 * is killed in between leaves a process that the pid file does not name; it is found by its marks instead: the QMP
 * argument, and an environment variable for programs that have no QMP.
 */
export interface MachineFiles {
  readonly name: string;
  readonly directory: string;
  /** MachineRecord as JSON. */
  readonly record: string;
  /** `PID START-TIME-TICKS`. */
  readonly pid: string;
  readonly qmpSocket: string;
  /** Standard output and error of all its runs. */
  readonly log: string;
}

/** What `observe` needs to tell the resource again. */
export interface MachineRecord {
  readonly properties: Readonly<Record<string, Json>>;
  readonly needs: readonly string[];
}

/** Longest path of a unix socket: sun_path less its final zero (unix(7)), bytes. */
const MAX_SOCKET_PATH_BYTES = 107;
export const MARK_VARIABLE = 'PASSERELLE_MACHINE';

/** @throws PasserelleError when the run directory is too deep for a socket. */
export function machineFiles(places: Places, name: string): MachineFiles {
  const directory = join(machinesDirectory(places), name);
  const qmpSocket = join(directory, 'qmp.sock');
  if (Buffer.byteLength(qmpSocket) > MAX_SOCKET_PATH_BYTES) {
    throw new PasserelleError({
      code: 'machine/socket-path-too-long',
      message: `the socket path ${qmpSocket} is longer than ${MAX_SOCKET_PATH_BYTES} bytes, the most that Linux allows`,
      fix: 'set XDG_RUNTIME_DIR to a shorter directory, or give the project or the machine a shorter name',
    });
  }
  return {
    name,
    directory,
    record: join(directory, 'machine.json'),
    pid: join(directory, 'pid'),
    qmpSocket,
    log: join(places.stateDir, 'logs', `${name}.log`),
  };
}

export function markOf(files: MachineFiles): string {
  return `${MARK_VARIABLE}=${files.directory}`;
}

export async function writeRecord(files: MachineFiles, record: MachineRecord): Promise<void> {
  await mkdir(files.directory, { recursive: true, mode: 0o700 });
  await writeFile(`${files.record}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${files.record}.new`, files.record);
}

export async function writePid(files: MachineFiles, process: ProcessIdentity): Promise<void> {
  await writeFile(`${files.pid}.new`, `${process.pid} ${process.startTimeTicks}\n`, { mode: 0o600 });
  await rename(`${files.pid}.new`, files.pid);
}

/** A damaged record reads as an empty one: the machine then differs from whatever is wanted. */
export async function readRecord(files: MachineFiles): Promise<MachineRecord> {
  try {
    const { properties, needs } = JSON.parse(await readFile(files.record, 'utf8')) as Partial<MachineRecord>;
    const isPlain = typeof properties === 'object' && properties !== null && !Array.isArray(properties);
    return {
      properties: isPlain ? properties : {},
      needs: Array.isArray(needs) ? needs.filter((need) => typeof need === 'string') : [],
    };
  } catch {
    return { properties: {}, needs: [] };
  }
}

export async function removeRunFiles(files: MachineFiles): Promise<void> {
  await rm(files.directory, { recursive: true, force: true });
}

/** Machines that have files here, whether they live or not. */
export async function knownMachines(places: Places): Promise<MachineFiles[]> {
  const entries = await readdir(machinesDirectory(places), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => machineFiles(places, entry.name));
}

/** The processes of those machines that live: by pid file where that tells, else by their marks. */
export async function liveProcesses(
  machines: readonly MachineFiles[],
): Promise<Map<string, ProcessIdentity>> {
  const live = new Map<string, ProcessIdentity>();
  const marks = new Map<string, string>();
  for (const files of machines) {
    const process = await readPid(files);
    if (process !== undefined && (await isAlive(process))) live.set(files.name, process);
    else {
      marks.set(qmpArgument(files.qmpSocket), files.name);
      marks.set(markOf(files), files.name);
    }
  }
  for (const [mark, process] of await findMarked(new Set(marks.keys()))) {
    const name = marks.get(mark);
    if (name !== undefined) live.set(name, process);
  }
  return live;
}

async function readPid(files: MachineFiles): Promise<ProcessIdentity | undefined> {
  const text = await readFile(files.pid, 'utf8').catch(() => '');
  const [, pid, startTimeTicks] = /^(\d{1,10}) (\d{1,20})\n$/.exec(text) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), startTimeTicks: Number(startTimeTicks) };
}

/** Writes the pid file of a process that was just started. @returns undefined when it has ended already. */
export async function recordProcess(files: MachineFiles, pid: number): Promise<ProcessIdentity | undefined> {
  const process = await identify(pid);
  if (process !== undefined) await writePid(files, process);
  return process;
}

function machinesDirectory(places: Places): string {
  return join(places.runDir, 'machines');
}
