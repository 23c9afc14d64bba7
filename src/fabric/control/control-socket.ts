/**
 * The place of the control socket: taken from a dead fabric, never from a living one.
 *
 * Theory of operation. The server listens under a name of its own, and under a mutex it is then moved to the well-known
 * one, unless somebody answers there. The mutex is an abstract unix socket (unix(7)) named after the directory: the
 * kernel lets one process have it and takes it back when that process ends however it ends, which no file does. Limits:
 * abstract names belong to a network namespace, so two fabrics that start in different ones at the same instant over the
 * same dead socket are not kept apart. Time-out: 5 s for the mutex, which is held for milliseconds.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PasserelleError } from '../../errors.js';

/** sun_path of sockaddr_un less its terminating zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
const MUTEX_TIMEOUT_MS = 5_000;
const MUTEX_POLL_MS = 10;

/**
 * Makes the server listen at `path`, mode 0600 in a directory of mode 0700 that is made if needed.
 * @returns releases the place: call it before the server is closed.
 * @throws PasserelleError `fabric/already-running`, `fabric/socket-path-too-long`, `fabric/foreign-directory`.
 */
export async function listenAt(server: Server, path: string): Promise<() => Promise<void>> {
  const ownPath = `${path}.${randomUUID().slice(0, 8)}`;
  const excessBytes = Buffer.byteLength(ownPath) - MAX_SOCKET_PATH_BYTES;
  if (excessBytes > 0) {
    throw new PasserelleError({
      code: 'fabric/socket-path-too-long',
      message: `${path} is too long for a unix socket by ${excessBytes} bytes`,
      fix: 'set XDG_RUNTIME_DIR to a shorter directory',
    });
  }
  const directory = await takeDirectory(dirname(path));
  await listen(server, ownPath);
  await chmod(ownPath, 0o600);
  const { ino } = await stat(ownPath);
  const mutex = await takeMutex(`\0passerelle-fabric:${directory.dev}:${directory.ino}`, path);
  try {
    if (await isAlive(path)) throw alreadyRunning(path);
    await rename(ownPath, path);
  } finally {
    mutex.close();
    await rm(ownPath, { force: true });
  }
  return async () => {
    const current = await stat(path).catch(() => undefined);
    if (current?.ino === ino) await rm(path, { force: true });
  };
}

async function takeDirectory(directory: string): Promise<{ dev: number; ino: number }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { uid, mode, dev, ino } = await stat(directory);
  if (uid !== process.getuid?.()) {
    throw new PasserelleError({
      code: 'fabric/foreign-directory',
      message: `${directory} belongs to another user (uid ${uid})`,
      fix: 'set XDG_RUNTIME_DIR to a directory of your own',
    });
  }
  if ((mode & 0o077) !== 0) await chmod(directory, 0o700);
  return { dev, ino };
}

/** @throws PasserelleError `fabric/already-running` when another start does not come to an end. */
async function takeMutex(name: string, path: string): Promise<Server> {
  const deadline = performance.now() + MUTEX_TIMEOUT_MS;
  for (;;) {
    const mutex = createServer((socket) => socket.destroy());
    try {
      await listen(mutex, name);
      return mutex;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (performance.now() > deadline) throw alreadyRunning(path);
    }
    await delay(MUTEX_POLL_MS);
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether somebody listens; a queue that is full (EAGAIN) is somebody too. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT' && error.code !== 'ENOTSOCK');
    });
  });
}

function alreadyRunning(path: string): PasserelleError {
  return new PasserelleError({
    code: 'fabric/already-running',
    message: `another fabric answers at ${path}`,
    fix: 'run `passerelle status`, or `passerelle down` to end it',
  });
}
