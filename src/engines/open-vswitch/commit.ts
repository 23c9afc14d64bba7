/**
 * One transaction, and then the truth about it. Committing to OVSDB says only that the wish is on record: ovs-vswitchd
 * then acts and copies `next_cfg` to `cur_cfg`, also when a port failed. So each commit raises `next_cfg`, waits for
 * `cur_cfg`, and looks at what the switch wrote about every bridge and port that was touched.
 */
import { anySignal, timeLimited } from '../../abort-signals.js';
import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { numberOf, type Row, textOf } from '../../clients/ovsdb/datum.js';
import type { Monitor } from '../../clients/ovsdb/monitor.js';
import { comment, mutate, type Operation, select } from '../../clients/ovsdb/operations.js';
import type { Tables } from '../../clients/ovsdb/replica.js';
import { PasserelleError, type Problem } from '../../errors.js';

const WATCHED = {
  Open_vSwitch: ['cur_cfg'],
  Bridge: ['name', 'datapath_id'],
  Interface: ['name', 'ofport', 'error'],
};

/** Time for the switch to act: a floor, and more for each interface it has or gets; letting one go takes it 16-30 ms. */
const PATIENCE_MS = 10_000;
const PATIENCE_PER_INTERFACE_MS = 50;
/** Time after `cur_cfg` in which a port may still get its number. */
const SETTLING_MS = 2000;

export interface Expectations {
  /** Names of the bridges and interfaces that must work afterwards. */
  readonly bridges: readonly string[];
  readonly interfaces: readonly string[];
}

/**
 * @throws PasserelleError `ovsdb/transaction-refused` when nothing was done; `ovs/switch-silent`,
 * `ovs/datapath-missing` or `ovs/port-failed` when it was, and the next `observe` finds it.
 */
export async function commit(
  database: OvsdbDatabase,
  operations: readonly Operation[],
  expected: Expectations,
  signal: AbortSignal,
): Promise<void> {
  const monitor = await database.monitor(WATCHED, signal);
  const interfaceCount = monitor.replica.rows('Interface').size + expected.interfaces.length;
  try {
    const results = await database.transact(
      [
        ...operations,
        mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]),
        select('Open_vSwitch', [], ['next_cfg']),
        comment('passerelle'),
      ],
      signal,
    );
    const wanted = Number(results[operations.length + 1]?.rows?.[0]?.['next_cfg']);
    await untilActed(monitor, wanted, PATIENCE_MS + interfaceCount * PATIENCE_PER_INTERFACE_MS, signal);
    await settled(monitor, expected, signal);
    const problems = problemsOf(monitor.replica.tables, expected);
    if (problems.length > 0) throw new PasserelleError(problems);
  } finally {
    await monitor.stop(AbortSignal.timeout(1000)).catch(() => undefined);
  }
}

async function untilActed(
  monitor: Monitor,
  wanted: number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const acted = (tables: Tables) => (numberOf(onlyRow(tables), 'cur_cfg') ?? 0) >= wanted;
  const patience = AbortSignal.timeout(patienceMs);
  try {
    await monitor.until(acted, anySignal([signal, patience]));
  } catch (error) {
    if (signal.aborted || !patience.aborted) throw error;
    throw new PasserelleError({
      code: 'ovs/switch-silent',
      message: `ovs-vswitchd has not acted on the change for ${patienceMs / 1000} s`,
      fix: 'start it: `systemctl restart openvswitch-switch`; its log is /var/log/openvswitch/ovs-vswitchd.log',
    });
  }
}

/** Waits, but not for ever, until each interface has a number or an error; what is missing then is a problem. */
async function settled(monitor: Monitor, expected: Expectations, signal: AbortSignal): Promise<void> {
  const limited = timeLimited(signal, SETTLING_MS);
  const isSettled = (tables: Tables) => {
    const bridges = byName(tables, 'Bridge');
    if (expected.bridges.some((name) => textOf(bridges.get(name) ?? new Map(), 'datapath_id') === undefined))
      return false;
    const interfaces = byName(tables, 'Interface');
    return expected.interfaces.every(
      (name) => numberOf(interfaces.get(name) ?? new Map(), 'ofport') !== undefined,
    );
  };
  await monitor.until(isSettled, limited).catch((error: unknown) => {
    if (signal.aborted || !limited.aborted) throw error;
  });
}

function problemsOf(tables: Tables, expected: Expectations): Problem[] {
  const bridges = byName(tables, 'Bridge');
  const interfaces = byName(tables, 'Interface');
  const brokenBridges = expected.bridges.filter(
    (name) => textOf(bridges.get(name) ?? new Map(), 'datapath_id') === undefined,
  );
  if (brokenBridges.length > 0) {
    return brokenBridges.map((name) => ({
      code: 'ovs/datapath-missing',
      message: `Open vSwitch could not make the bridge ${name}: this kernel has no such datapath, or the name is taken`,
      fix: '`modprobe openvswitch`, or write `datapath: netdev`; the log is /var/log/openvswitch/ovs-vswitchd.log',
    }));
  }
  return expected.interfaces.flatMap((name): Problem[] => {
    const row = interfaces.get(name) ?? new Map<string, never>();
    const error = textOf(row, 'error');
    if (error === undefined && (numberOf(row, 'ofport') ?? -1) > 0) return [];
    return [
      {
        code: 'ovs/port-failed',
        message: `Open vSwitch could not take in the port ${name}: ${error ?? 'it gave no reason'}`,
        fix: `look at it: \`ovs-vsctl list Interface ${name}\``,
      },
    ];
  });
}

function onlyRow(tables: Tables): Row {
  return tables.get('Open_vSwitch')?.values().next().value ?? new Map();
}

function byName(tables: Tables, table: string): Map<string | undefined, Row> {
  return new Map([...(tables.get(table)?.values() ?? [])].map((row) => [textOf(row, 'name'), row]));
}
