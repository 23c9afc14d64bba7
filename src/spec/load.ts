import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import type { Problem } from '../errors.js';
import { type ParseOptions, parseSpec, type SpecResult } from './parse.js';
import { printable, quoted } from './problems/wording.js';
import { positionsIn } from './yaml/positions.js';

/** Largest file that is read, bytes. A thousand machines with three NICs each take about a fifth of it. */
export const MAX_FILE_BYTES = 1024 * 1024;

export interface LoadOptions extends ParseOptions {
  readonly signal?: AbortSignal;
}

/**
 * Reads a project from its file. Whatever is wrong with the file is in the result; nothing is thrown but the signal's
 * reason.
 * @param path as the person wrote it; problems repeat it.
 */
export async function loadSpec(path: string, options: LoadOptions = {}): Promise<SpecResult> {
  const { signal } = options;
  let bytes: Buffer;
  try {
    signal?.throwIfAborted();
    const file = await open(path);
    try {
      bytes = await readAtMost(file, MAX_FILE_BYTES + 1, signal);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return { problems: [unreadable(path, error)] };
  }
  return parseSpecBytes(bytes, path, options);
}

/** Reads a project from the bytes of its file. Pure, and never throws. */
export function parseSpecBytes(bytes: Uint8Array, fileName: string, options: ParseOptions = {}): SpecResult {
  if (bytes.length > MAX_FILE_BYTES) {
    const problem: Problem = {
      code: 'spec/file-too-large',
      message: 'the file is larger than 1 MB',
      fix: 'split the project into several',
      at: { file: fileName, line: 1, column: 1 },
    };
    return { problems: [problem] };
  }
  if (!isUtf8(bytes)) return { problems: [notUtf8(bytes, fileName)] };
  // A byte order mark goes here.
  return parseSpec(new TextDecoder().decode(bytes), fileName, options);
}

async function readAtMost(file: FileHandle, maxBytes: number, signal?: AbortSignal): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, length, maxBytes - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

function notUtf8(bytes: Uint8Array, file: string): Problem {
  // What is not UTF-8 decodes to U+FFFD, which encodes to other bytes: the first difference is the place.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const encoded = new TextEncoder().encode(text);
  const offset = bytes.findIndex((byte, index) => byte !== encoded[index]);
  const before = new TextDecoder().decode(bytes.subarray(0, offset));
  return {
    code: 'spec/not-utf8',
    message: `the byte 0x${(bytes[offset] ?? 0).toString(16).padStart(2, '0')} here is not UTF-8 text`,
    fix: 'save the file as UTF-8',
    at: positionsIn(before, file)(before.length),
  };
}

function unreadable(path: string, error: unknown): Problem {
  const name = quoted(path);
  const { code = '', message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return {
        code: 'spec/file-missing',
        message: `there is no file ${name}`,
        fix: 'run `passerelle init`, or name the file with -f FILE',
      };
    case 'EISDIR':
      return {
        code: 'spec/file-is-directory',
        message: `${name} is a directory`,
        fix: `name the file in it, for example -f ${printable(path).replace(/\/+$/, '')}/passerelle.yaml`,
      };
    default:
      return {
        code: 'spec/file-unreadable',
        message: `${name} cannot be read: ${message}`,
        fix: 'check its permissions with `ls -l`',
      };
  }
}
