import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A log above this is set aside as `NAME.log.1` when the machine starts again, bytes. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;
/** How far back `lines` looks, bytes. */
const TAIL_BYTES = 256 * 1024;
/** Most that is read at once, bytes. */
const PIECE_BYTES = 65_536;
const POLL_INTERVAL_MS = 200;

export interface LogOptions {
  /** Only the last lines, found in the last 256 KiB. Default: all. */
  readonly lines?: number;
  /** Go on with what comes, until the signal aborts. */
  readonly follow?: boolean;
}

/** Opens a machine's log for one more run, with a line that tells when and what. @returns where the run begins. */
export async function openLog(
  path: string,
  header: string,
): Promise<{ file: FileHandle; startBytes: number }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const before = await stat(path).catch(() => undefined);
  if (before !== undefined && before.size > MAX_LOG_BYTES) await rename(path, `${path}.1`);
  const file = await open(path, 'a', 0o600);
  await file.write(`--- ${header}\n`);
  return { file, startBytes: (await file.stat()).size };
}

/** The last lines of a log from an offset on, at most 4 KiB of them. */
export async function lastLines(path: string, fromBytes: number, lineCount: number): Promise<string[]> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  const text = await readRange(path, Math.max(fromBytes, size - 4096), size);
  return text.toString('utf8').trimEnd().split('\n').slice(-lineCount);
}

/**
 * A machine's log, in pieces as they are read. Ends at the end of the file, or with `follow` when the signal aborts;
 * goes on with the new file when the old one was set aside. A log that is not there yet is empty.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let inode = (await stat(path).catch(() => undefined))?.ino;
  let offset = options.lines === undefined ? 0 : await startOfLastLines(path, options.lines);
  while (!signal.aborted) {
    const now = await stat(path).catch(() => undefined);
    if (now !== undefined && (now.ino !== inode || now.size < offset)) {
      inode = now.ino;
      offset = 0;
    }
    const piece = await readRange(path, offset, Math.min(now?.size ?? 0, offset + PIECE_BYTES));
    offset += piece.length;
    if (piece.length > 0) yield piece;
    else if (options.follow !== true) return;
    else await delay(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function startOfLastLines(path: string, lineCount: number): Promise<number> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  const from = Math.max(0, size - TAIL_BYTES);
  const tail = await readRange(path, from, size);
  let at = tail.length;
  // The newline that ends the last line begins no further one.
  if (tail[at - 1] === 0x0a) at--;
  for (let lines = 0; lines < lineCount; lines++) {
    if (at <= 0) return from;
    at = tail.lastIndexOf(0x0a, at - 1);
    if (at === -1) return from;
  }
  return from + at + 1;
}

async function readRange(path: string, from: number, to: number): Promise<Buffer> {
  if (to <= from) return Buffer.alloc(0);
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return Buffer.alloc(0);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
