/** Listening sockets of the host, opened for good or refused with a reason a person can act on. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import { PasserelleError } from '../../../errors.js';

/** Connections that wait to be accepted. */
const BACKLOG = 511;

/**
 * @param accept takes each connection; it is paused and half-open.
 * @throws PasserelleError `forward/listen-refused`
 */
export function listenTcp(address: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept);
    const refused = (error: NodeJS.ErrnoException) => reject(listenRefused('tcp', address, port, error));
    server.once('error', refused);
    // `::` is only IPv6, so that 0.0.0.0 may have the same port.
    server.listen({ host: address, port, backlog: BACKLOG, ipv6Only: true, exclusive: true }, () => {
      server.off('error', refused);
      // A connection that cannot be accepted (EMFILE) is the client's loss, not the listener's end.
      server.on('error', () => undefined);
      resolve(server);
    });
  });
}

/** @throws PasserelleError `forward/listen-refused` */
export function bindUdp(address: string, port: number): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const isIpv6 = isIPv6(address);
    const socket = createSocket({
      type: isIpv6 ? 'udp6' : 'udp4',
      ipv6Only: isIpv6,
      lookup: (literal, _options, callback) => callback(null, literal, isIpv6 ? 6 : 4),
    });
    const refused = (error: NodeJS.ErrnoException) => {
      socket.close();
      reject(listenRefused('udp', address, port, error));
    };
    socket.once('error', refused);
    socket.once('listening', () => {
      socket.off('error', refused);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.bind({ address, port, exclusive: true });
  });
}

function listenRefused(
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  error: NodeJS.ErrnoException,
): PasserelleError {
  const where = `${protocol} port ${port} on ${address}`;
  const { message, fix } = explain(where, error);
  return new PasserelleError({ code: 'forward/listen-refused', message, fix }, 1, { cause: error });
}

function explain(where: string, error: NodeJS.ErrnoException): { message: string; fix: string } {
  switch (error.code) {
    case 'EADDRINUSE':
      return {
        message: `${where} is taken by another program`,
        fix: 'choose another listen-port, or stop the other program (ss -lntup shows it)',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        message: `${where} may only be opened by root`,
        fix: 'choose a listen-port of 1024 or more, or lower net.ipv4.ip_unprivileged_port_start',
      };
    case 'EADDRNOTAVAIL':
      return {
        message: `${where}: this host has no such address`,
        fix: 'write one of the addresses that `ip address` shows, or 0.0.0.0 for all',
      };
    case 'EMFILE':
    case 'ENFILE':
      return {
        message: `${where}: no file descriptors are left`,
        fix: 'raise the limit (ulimit -n), or forward fewer ports',
      };
    default:
      return {
        message: `${where} cannot be listened on: ${error.message}`,
        fix: 'choose another listen-address or listen-port',
      };
  }
}
