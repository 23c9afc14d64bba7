/**
 * Where OVN's databases are. The southbound one is what ovn-controller is told (`ovn-remote`). The northbound one is said
 * nowhere on a host: by OVN_NB_DB as for ovn-nbctl(8), and otherwise it is beside the other one, on the same machine at the
 * port that IANA gave it, or in OVN's run directory. Several addresses are those of a cluster, whose servers hand writes to
 * their leader: the first that answers will do.
 */
import { join } from 'node:path';
import { timeLimited } from '../../../abort-signals.js';
import { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { isConnectionLoss } from '../../../clients/ovsdb/reconnect.js';
import { parseRemote } from '../../../clients/ovsdb/remote.js';
import type { Needs } from '../../../clients/ovsdb/schema.js';
import { PasserelleError } from '../../../errors.js';
import type { Chassis, OvnHost } from '../host.js';
import { NORTHBOUND_NEEDS, SOUTHBOUND_NEEDS } from './columns.js';

/** TCP port of the northbound database. */
const NORTHBOUND_TCP_PORT = 6641;
const DIAL_LIMIT_MS = 3000;

/** Addresses of the northbound database, in the order in which they are tried. Pure. */
export function northboundRemotes(
  host: Pick<OvnHost, 'northbound' | 'runDirectory'>,
  chassis: Chassis,
): string[] {
  if (host.northbound !== undefined) return split(host.northbound);
  return [...new Set(split(chassis.southbound).map((remote) => beside(remote, host.runDirectory)))];
}

function beside(southbound: string, runDirectory: string): string {
  const network = /^(?<kind>tcp|ssl):(?<host>\[[^\]]+\]|[^:]+)/u.exec(southbound)?.groups;
  return network === undefined
    ? `unix:${join(runDirectory, 'ovnnb_db.sock')}`
    : `${network['kind']}:${network['host']}:${NORTHBOUND_TCP_PORT}`;
}

/** Commas stand between addresses, and in none. */
function split(remotes: string): string[] {
  return remotes
    .split(',')
    .map((remote) => remote.trim())
    .filter((remote) => remote !== '');
}

/** @throws PasserelleError `ovn/northbound-unreachable`, `ovsdb/bad-remote`, `ovsdb/schema-too-old` */
export function openNorthbound(host: OvnHost, chassis: Chassis, signal: AbortSignal): Promise<OvsdbDatabase> {
  const remotes = northboundRemotes(host, chassis);
  return openFirst(remotes, 'OVN_Northbound', NORTHBOUND_NEEDS, signal).catch((error: unknown) => {
    if (!isConnectionLoss(error)) throw error;
    throw new PasserelleError(
      {
        code: 'ovn/northbound-unreachable',
        message: `no northbound database of OVN answers at ${remotes.join(', ')}`,
        fix: 'start it where it lives: `systemctl start ovn-central`; if it is elsewhere, say where: `OVN_NB_DB=tcp:192.0.2.1:6641`',
      },
      1,
      { cause: error },
    );
  });
}

/** @throws PasserelleError `ovn/southbound-unreachable`, `ovsdb/bad-remote`, `ovsdb/schema-too-old` */
export function openSouthbound(chassis: Chassis, signal: AbortSignal): Promise<OvsdbDatabase> {
  const remotes = split(chassis.southbound);
  return openFirst(remotes, 'OVN_Southbound', SOUTHBOUND_NEEDS, signal).catch((error: unknown) => {
    if (!isConnectionLoss(error)) throw error;
    throw new PasserelleError(
      {
        code: 'ovn/southbound-unreachable',
        message: `no southbound database of OVN answers at ${remotes.join(', ')}, where ovn-controller is told that it is`,
        fix: 'start it where it lives: `systemctl start ovn-central`; or correct `ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=…`',
      },
      1,
      { cause: error },
    );
  });
}

async function openFirst(
  remotes: readonly string[],
  database: string,
  needs: Needs,
  signal: AbortSignal,
): Promise<OvsdbDatabase> {
  let loss: unknown;
  for (const remote of remotes) {
    const limited = timeLimited(signal, DIAL_LIMIT_MS);
    try {
      return await OvsdbDatabase.open(parseRemote(remote), database, needs, limited);
    } catch (error) {
      signal.throwIfAborted();
      if (!isConnectionLoss(error) && !limited.aborted) throw error;
      loss = limited.aborted ? unanswered(remote) : error;
    }
  }
  throw loss ?? unanswered('no address');
}

function unanswered(remote: string): PasserelleError {
  return new PasserelleError({ code: 'ovsdb/unreachable', message: `${remote} does not answer` });
}
