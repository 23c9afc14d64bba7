/** QEMU without a machine, as a network: its hub, and its user mode (libslirp) on that hub. */
import { type Running, startProcess } from '../stage/processes.js';
import type { Scope } from '../stage/scope.js';

/** QEMU's own addresses (-netdev user, net=10.0.2.0/24): the host's loopback is at the gateway. */
export const LIBSLIRP = { guestAddress: '10.0.2.15/24', gateway: '10.0.2.2' } as const;

/** A hub of what listens on these stream sockets. */
export function startHub(scope: Scope, socketPaths: readonly string[]): Running {
  return startQemu(scope, [...streamPorts(socketPaths)]);
}

/** libslirp for what listens on the stream socket. */
export function startLibslirp(scope: Scope, socketPath: string): Running {
  return startQemu(scope, [
    ...streamPorts([socketPath]),
    '-netdev',
    'user,id=user',
    '-netdev',
    'hubport,id=up,hubid=0,netdev=user',
  ]);
}

function streamPorts(socketPaths: readonly string[]): string[] {
  return socketPaths.flatMap((path, index) => [
    '-netdev',
    `stream,id=s${index},server=off,addr.type=unix,addr.path=${path}`,
    '-netdev',
    `hubport,id=h${index},hubid=0,netdev=s${index}`,
  ]);
}

function startQemu(scope: Scope, netdevs: readonly string[]): Running {
  return startProcess(scope, [
    'qemu-system-x86_64',
    '-M',
    'none',
    '-nodefaults',
    '-display',
    'none',
    ...netdevs,
  ]);
}
