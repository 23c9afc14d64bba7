/** What of OVN is there and works, from this host's point of view. Touches nothing. */
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { PasserelleError, type Problem } from '../../errors.js';
import { NO_CHASSIS } from './execute.js';
import type { Chassis, OvnHost } from './host.js';
import { isControllerAlive, isNorthdWorking } from './liveness.js';
import { integrationDatapath, type LocalSnapshot } from './local/snapshot.js';
import { openNorthbound, openSouthbound } from './northbound/remotes.js';

export interface Readiness {
  readonly problems: readonly Problem[];
  /** What was found, for a person. */
  readonly found: readonly { readonly subject: string; readonly detail: string }[];
}

export async function readinessOf(
  host: OvnHost,
  local: LocalSnapshot,
  signal: AbortSignal,
): Promise<Readiness> {
  const { chassis } = local;
  if (chassis === undefined) return { problems: [NO_CHASSIS], found: [] };
  const [northbound, southbound] = await Promise.all([
    northboundReadiness(host, chassis, signal),
    southboundReadiness(host, chassis, signal),
  ]);
  const datapath = integrationDatapath(local);
  const bridge: Readiness =
    datapath === undefined
      ? {
          problems: [
            {
              code: 'ovn/no-integration-bridge',
              message: `the integration bridge ${chassis.bridge} does not stand, which ovn-controller makes`,
              fix: 'systemctl restart ovn-host',
            },
          ],
          found: [],
        }
      : { problems: [], found: [{ subject: chassis.bridge, detail: `datapath ${datapath}` }] };
  const parts = [northbound, southbound, bridge];
  return {
    problems: parts.flatMap(({ problems }) => [...problems]),
    found: parts.flatMap(({ found }) => [...found]),
  };
}

async function northboundReadiness(host: OvnHost, chassis: Chassis, signal: AbortSignal): Promise<Readiness> {
  return using(openNorthbound(host, chassis, signal), async ({ schema }) => ({
    problems: [],
    found: [{ subject: 'northbound database', detail: `schema ${schema.version}` }],
  }));
}

async function southboundReadiness(host: OvnHost, chassis: Chassis, signal: AbortSignal): Promise<Readiness> {
  return using(openSouthbound(chassis, signal), async (database) => {
    const isNorthdThere = await isNorthdWorking(database, signal);
    const rows = await database.select('Chassis', [['name', '==', chassis.name]], ['name'], signal);
    const isControllerThere = rows.length > 0 && (await isControllerAlive(host.runDirectory)) !== false;
    return {
      problems: [
        ...(isNorthdThere ? [] : [NORTHD_MISSING]),
        ...(isControllerThere ? [] : [controllerMissing(chassis)]),
      ],
      found: [
        { subject: 'southbound database', detail: `schema ${database.schema.version}` },
        ...(isNorthdThere ? [{ subject: 'ovn-northd', detail: 'it works' }] : []),
        ...(isControllerThere
          ? [{ subject: 'ovn-controller', detail: `it works, as chassis ${chassis.name}` }]
          : []),
      ],
    };
  });
}

const NORTHD_MISSING: Problem = {
  code: 'ovn/northd-missing',
  message: 'no ovn-northd works: what is in the northbound database would reach no host',
  fix: 'start it where the databases are: `systemctl start ovn-central`',
};

function controllerMissing({ name }: Chassis): Problem {
  return {
    code: 'ovn/controller-missing',
    message: `no ovn-controller works for this host, the chassis ${name}`,
    fix: 'systemctl start ovn-host',
  };
}

/** A database that does not open is a problem like the others. */
async function using(
  opening: Promise<OvsdbDatabase>,
  look: (database: OvsdbDatabase) => Promise<Readiness>,
): Promise<Readiness> {
  let database: OvsdbDatabase;
  try {
    database = await opening;
  } catch (error) {
    if (error instanceof PasserelleError) return { problems: error.problems, found: [] };
    throw error;
  }
  try {
    return await look(database);
  } finally {
    database.close();
  }
}
