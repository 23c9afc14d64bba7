import { access, constants, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { delimiter, join } from 'node:path';
import { type ListeningSocket, readListeningSockets } from '../../clients/procnet/listening-sockets.js';
import type { Problem } from '../../errors.js';
import type { FabricForward } from '../../fabric/control/protocol.js';
import type { Forward, Network } from '../../topology/topology.js';

/** What the host says of listening, read before anything is touched. */
export interface ListenFacts {
  readonly taken: readonly ListeningSocket[];
  readonly hostAddresses: ReadonlySet<string>;
  /** First port that this user may listen on (ip_unprivileged_port_start, ip(7)); 0 for root. */
  readonly firstAllowedPort: number;
}

export async function readListenFacts(): Promise<ListenFacts> {
  const start = await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024');
  return {
    taken: await readListeningSockets(),
    hostAddresses: hostAddresses(),
    firstAllowedPort: process.getuid?.() === 0 ? 0 : Number(start),
  };
}

/** Of every interface, canonical text. */
export function hostAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address)),
  );
}

/** What networks that VDE programs plug into are served by: the vde_plug that has `hub://`, which came with its plug-ins. */
export async function missingVdePlug(networks: readonly Network[]): Promise<Problem[]> {
  const offering = networks.find(({ options }) => options['vde'] === true);
  if (offering === undefined || (await isInPath('vde_plug'))) return [];
  return [
    {
      code: 'user/no-vde-plug',
      message: `network ${offering.name} has \`vde: true\`, and vde_plug is not installed`,
      fix: 'sudo apt-get install vdeplug',
      at: offering.source,
    },
  ];
}

async function isInPath(program: string): Promise<boolean> {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(
    directories.map((directory) =>
      access(join(directory, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

/**
 * Forwards that could not listen on this host. Pure.
 * @param standing forwards of a fabric of ours that already listens: those ports are taken by ourselves.
 */
export function forwardProblems(
  forwards: readonly Forward[],
  standing: readonly FabricForward[],
  facts: ListenFacts,
): Problem[] {
  return forwards.flatMap((forward): Problem[] => {
    const listen = `${forward.protocol} ${forward.listenAddress}:${forward.listenPortFirst}`;
    if (!isWildcard(forward.listenAddress) && !isLocal(forward.listenAddress, facts)) {
      return [
        {
          code: 'forward/address-not-here',
          message: `${listen}: this host has no address ${forward.listenAddress}`,
          fix: 'write one of the addresses that `ip address` shows, or 0.0.0.0 for all of them',
          at: forward.source,
        },
      ];
    }
    if (forward.listenPortFirst < facts.firstAllowedPort) {
      return [
        {
          code: 'forward/port-privileged',
          message: `${listen}: ports below ${facts.firstAllowedPort} are for root on this host`,
          fix: `listen on ${forward.listenPortFirst + 8000} instead, or lower net.ipv4.ip_unprivileged_port_start`,
          at: forward.source,
        },
      ];
    }
    const holder = facts.taken.find(
      (socket) => collides(forward, socket) && !standing.some((own) => covers(own, socket)),
    );
    if (holder === undefined) return [];
    return [
      {
        code: 'forward/port-taken',
        message: `${forward.protocol} ${holder.address}:${holder.port} is taken by another process on this host`,
        fix: `choose another listen port, or stop the process: ss -${forward.protocol[0]}lnp 'sport = :${holder.port}'`,
        at: forward.source,
      },
    ];
  });
}

function collides(forward: Forward, socket: ListeningSocket): boolean {
  return (
    forward.protocol === socket.protocol &&
    socket.port >= forward.listenPortFirst &&
    socket.port <= forward.listenPortLast &&
    (forward.listenAddress === socket.address ||
      isWildcard(forward.listenAddress) ||
      isWildcard(socket.address))
  );
}

function covers(own: FabricForward, socket: ListeningSocket): boolean {
  return (
    own.protocol === socket.protocol &&
    own.listenAddress === socket.address &&
    socket.port >= own.listenPortFirst &&
    socket.port <= own.listenPortLast
  );
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function isLocal(address: string, facts: ListenFacts): boolean {
  return address.startsWith('127.') || facts.hostAddresses.has(address);
}
