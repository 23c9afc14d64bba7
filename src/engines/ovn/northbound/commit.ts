/**
 * One transaction of the northbound database, and then the truth about it. A commit there is a wish on record: ovn-northd
 * turns it into flows for the hosts (`sb_cfg`), ovn-controller of each host carries them out and says so
 * (`Chassis_Private.nb_cfg`, ovn-sb(5)). What counts here is this host's own: `hv_cfg` is the slowest of all, and one host
 * that is switched off would have everybody wait. Both waits are bounded.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { timeLimited } from '../../../abort-signals.js';
import type { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { numberOf, textOf } from '../../../clients/ovsdb/datum.js';
import { comment, mutate, type Operation, select } from '../../../clients/ovsdb/operations.js';
import type { Tables } from '../../../clients/ovsdb/replica.js';
import type { Watched } from '../../../clients/ovsdb/replica.js';
import { PasserelleError, type Problem } from '../../../errors.js';
import type { Chassis } from '../host.js';
import { openSouthbound } from './remotes.js';

/** Time to act: a floor unless the host says otherwise, and more for each operation. */
export const PATIENCE_MS = 10_000;
export const PATIENCE_PER_OPERATION_MS = 20;

/** Hosts that come up at once meet at the rows of a network; each in turn gets through. */
const ATTEMPTS = 30;
const LONGEST_PAUSE_MS = 60;

/**
 * Carries out what the database as it stands asks for; when another host came between, that is asked once more.
 * @param operationsNow reads and decides.
 * @returns the number of the configuration that has it (`nb_cfg`), and how many operations it took; absent: none.
 */
export async function changeNorthbound(
  northbound: OvsdbDatabase,
  operationsNow: () => Promise<readonly Operation[]>,
  signal: AbortSignal,
): Promise<{ readonly configuration: number; readonly operationCount: number } | undefined> {
  for (let attempt = 1; ; attempt++) {
    const operations = await operationsNow();
    if (operations.length === 0) return undefined;
    try {
      const configuration = await commitNorthbound(northbound, operations, signal);
      return { configuration, operationCount: operations.length };
    } catch (error) {
      if (!cameBetween(error) || attempt === ATTEMPTS) throw error;
    }
    await sleep(Math.random() * LONGEST_PAUSE_MS, undefined, { signal });
  }
}

/** A condition of ours did not hold any more (RFC 7047, section 5.2.6). */
function cameBetween(error: unknown): boolean {
  return (
    error instanceof PasserelleError &&
    error.problems.some(
      ({ code, message }) =>
        code === 'ovsdb/transaction-refused' && /\(wait [^)]*\): timed out/u.test(message),
    )
  );
}

async function commitNorthbound(
  northbound: OvsdbDatabase,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<number> {
  const results = await northbound.transact(
    [
      ...operations,
      mutate('NB_Global', [], [['nb_cfg', '+=', 1]]),
      select('NB_Global', [], ['nb_cfg']),
      comment('passerelle'),
    ],
    signal,
  );
  return Number(results[operations.length + 1]?.rows?.[0]?.['nb_cfg']);
}

/**
 * Waits until this host does what the configuration says.
 * @param patienceMs how long each of the two is waited for.
 * @throws PasserelleError `ovn/northd-silent`, `ovn/controller-silent`, `ovn/southbound-unreachable`
 */
export async function untilCarriedOut(
  northbound: OvsdbDatabase,
  chassis: Chassis,
  configuration: number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  await untilSeen(
    northbound,
    { NB_Global: ['sb_cfg'] },
    (tables) =>
      [...(tables.get('NB_Global')?.values() ?? [])].some(
        (row) => (numberOf(row, 'sb_cfg') ?? 0) >= configuration,
      ),
    patienceMs,
    NORTHD_SILENT,
    signal,
  );
  const southbound = await openSouthbound(chassis, signal);
  try {
    await untilSeen(
      southbound,
      { Chassis_Private: ['name', 'nb_cfg'] },
      (tables) =>
        [...(tables.get('Chassis_Private')?.values() ?? [])].some(
          (row) => textOf(row, 'name') === chassis.name && (numberOf(row, 'nb_cfg') ?? 0) >= configuration,
        ),
      patienceMs,
      CONTROLLER_SILENT,
      signal,
    );
  } finally {
    southbound.close();
  }
}

const NORTHD_SILENT: Problem = {
  code: 'ovn/northd-silent',
  message: 'ovn-northd has not acted on the change: what is in the northbound database reaches no host',
  fix: 'start it where the databases are: `systemctl restart ovn-central`; its log is /var/log/ovn/ovn-northd.log',
};

const CONTROLLER_SILENT: Problem = {
  code: 'ovn/controller-silent',
  message: 'ovn-controller of this host has not acted on the change',
  fix: 'start it: `systemctl restart ovn-host`; its log is /var/log/ovn/ovn-controller.log',
};

/** Watches until the test holds. @throws PasserelleError of the problem when patience ends. */
export async function untilSeen(
  database: OvsdbDatabase,
  watched: Watched,
  test: (tables: Tables) => boolean,
  patienceMs: number,
  problem: Problem,
  signal: AbortSignal,
): Promise<void> {
  const monitor = await database.monitor(watched, signal);
  const limited = timeLimited(signal, patienceMs);
  try {
    await monitor.until(test, limited);
  } catch (error) {
    if (signal.aborted || !limited.aborted) throw error;
    throw new PasserelleError(problem);
  } finally {
    await monitor.stop(AbortSignal.timeout(1000)).catch(() => undefined);
  }
}
