import { createConnection, type Socket } from 'node:net';
import { PasserelleError } from '../../errors.js';

/** Where a database server listens, in Open vSwitch's own words: `unix:PATH`, `tcp:HOST:PORT`. */
export type Remote =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** The port IANA gave OVSDB, used when `tcp:HOST` names none. */
export const OVSDB_TCP_PORT = 6640;

/** @throws PasserelleError `ovsdb/bad-remote` */
export function parseRemote(text: string): Remote {
  const unix = /^unix:(?<path>.+)$/su.exec(text)?.groups;
  if (unix !== undefined) return { kind: 'unix', path: unix['path'] ?? '' };
  const tcp = /^tcp:(?:\[(?<bracketed>[0-9a-fA-F:.%]+)\]|(?<host>[^:[\]]+))(?::(?<port>\d{1,5}))?$/u.exec(
    text,
  )?.groups;
  const host = tcp?.['bracketed'] ?? tcp?.['host'];
  const port = Number(tcp?.['port'] ?? OVSDB_TCP_PORT);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new PasserelleError(
      {
        code: 'ovsdb/bad-remote',
        message: `"${text}" does not say where the database server listens`,
        fix: 'write `unix:/run/openvswitch/db.sock`, `tcp:192.0.2.1:6640` or `tcp:[2001:db8::1]:6640`; for TLS put a tunnel before it',
      },
      2,
    );
  }
  return { kind: 'tcp', host, port };
}

export function formatRemote(remote: Remote): string {
  if (remote.kind === 'unix') return `unix:${remote.path}`;
  return remote.host.includes(':')
    ? `tcp:[${remote.host}]:${remote.port}`
    : `tcp:${remote.host}:${remote.port}`;
}

/**
 * Opens a stream to the server.
 * @throws PasserelleError `ovsdb/unreachable`; the signal's reason when it aborts.
 */
export async function dial(remote: Remote, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket =
    remote.kind === 'unix'
      ? createConnection({ path: remote.path })
      : createConnection({ host: remote.host, port: remote.port, noDelay: true });
  return new Promise((resolve, reject) => {
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('connect', onConnect);
      socket.removeListener('error', onError);
    };
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    const onError = (error: Error) => {
      settle();
      reject(unreachable(remote, error));
    };
    const onAbort = () => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(signal.reason as Error);
    };
    socket.once('connect', onConnect);
    socket.once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function unreachable(remote: Remote, cause: Error): PasserelleError {
  const code = 'code' in cause ? String(cause.code) : cause.message;
  return new PasserelleError(
    {
      code: 'ovsdb/unreachable',
      message: `no database server answers at ${formatRemote(remote)} (${code})`,
      fix:
        code === 'EACCES'
          ? 'run as root, or give your user access to the socket'
          : 'start Open vSwitch: `systemctl start openvswitch-switch` (Debian package `openvswitch-switch`)',
    },
    1,
    { cause },
  );
}
