/**
 * A web server on the host's loopback that guests load from and send to.
 *   GET /plain/BYTES    the same MiB over and over: costs nothing to make
 *   GET /exact/BYTES    a pseudo-random stream that does not repeat; `digestOf` is its SHA-256
 *   POST, PUT           answers `BYTES SHA256` of the body for /exact, `BYTES` for any other path
 */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Scope } from './scope.js';

const CHUNK_BYTES = 1024 * 1024;
const SEED = Buffer.alloc(16, 0x5a);

/** `bytes` of a key stream (AES-128 in counter mode), the same each time. */
export function exactStream(bytes: number): Readable {
  const cipher = createCipheriv('aes-128-ctr', SEED, Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  return streamOf(bytes, (size) => cipher.update(zeros.subarray(0, size)));
}

/** SHA-256 of `exactStream`, in hexadecimal. */
export async function digestOf(bytes: number): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(exactStream(bytes), hash);
  return hash.digest('hex');
}

/** @returns the port on 127.0.0.1. */
export async function serveHttp(scope: Scope): Promise<number> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, kind, size] = (request.url ?? '').split('/');
  if (request.method === 'GET') {
    const bytes = Number(size);
    response.writeHead(200, { 'content-length': bytes, connection: 'close' });
    await pipeline(kind === 'exact' ? exactStream(bytes) : plainStream(bytes), response);
    return;
  }
  const hash = kind === 'exact' ? createHash('sha256') : undefined;
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash?.update(chunk);
  });
  await once(request, 'end');
  response.writeHead(200, { connection: 'close' });
  response.end(hash === undefined ? `${bytes}\n` : `${bytes} ${hash.digest('hex')}\n`);
}

function plainStream(bytes: number): Readable {
  const chunk = Buffer.alloc(CHUNK_BYTES, 'passerelle ');
  return streamOf(bytes, (size) => chunk.subarray(0, size));
}

function streamOf(bytes: number, next: (size: number) => Buffer): Readable {
  let left = bytes;
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      const size = Math.min(left, CHUNK_BYTES);
      left -= size;
      this.push(size === 0 ? null : next(size));
    },
  });
}
