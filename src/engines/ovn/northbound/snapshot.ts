/** What the northbound database holds of a project, of all its hosts, read in one transaction and so of one moment. */
import type { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { mapOf, readRow, type Row, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import { map } from '../../../clients/ovsdb/notation.js';
import { select, type Where } from '../../../clients/ovsdb/operations.js';
import { tableOf } from '../../../clients/ovsdb/schema.js';
import { chassisIn, PROJECT_KEY, PROVIDER, RESOURCE_KEY } from '../identity.js';
import { NORTHBOUND_NEEDS } from './columns.js';

/** Tables with rows of ours. */
export type MarkedTable = Exclude<keyof typeof NORTHBOUND_NEEDS, 'NB_Global'>;

export interface MarkedRow {
  readonly uuid: string;
  /** Changes with every change of the row. */
  readonly version: string;
  /** Id of the resource that it is, or is a part of. */
  readonly id: string;
  /** Names of the chassis that it stands for. */
  readonly chassis: readonly string[];
  readonly row: Row;
}

export interface NorthboundSnapshot {
  readonly rows: Readonly<Record<MarkedTable, readonly MarkedRow[]>>;
  /** The first row of a table that is of this resource, whichever chassis it stands for. */
  readonly find: (table: MarkedTable, id: string) => MarkedRow | undefined;
  /** Switch of a logical port or a limit, by its UUID. */
  readonly switchOf: (row: string) => MarkedRow | undefined;
  /** Port group of a logical port. */
  readonly groupOf: (port: string) => MarkedRow | undefined;
}

const TABLES = [
  'Logical_Switch',
  'Logical_Switch_Port',
  'DHCP_Options',
  'Port_Group',
  'QoS',
  'ACL',
] as const satisfies readonly MarkedTable[];

export async function readNorthbound(
  database: OvsdbDatabase,
  project: string,
  signal: AbortSignal,
): Promise<NorthboundSnapshot> {
  const ours: Where = [['external_ids', 'includes', map({ [PROJECT_KEY]: project })]];
  const results = await database.transact(
    TABLES.map((table) => select(table, ours, ['_uuid', '_version', ...NORTHBOUND_NEEDS[table]])),
    signal,
  );
  const read = TABLES.map((table, index) => [
    table,
    (results[index]?.rows ?? []).map((row) => markedRow(readRow(row, tableOf(database.schema, table)))),
  ]);
  return snapshotOf(Object.fromEntries(read) as Record<MarkedTable, MarkedRow[]>);
}

/** Pure. */
export function snapshotOf(rows: Readonly<Record<MarkedTable, readonly MarkedRow[]>>): NorthboundSnapshot {
  const byId = new Map(
    TABLES.map((table) => [table, new Map([...rows[table]].reverse().map((each) => [each.id, each]))]),
  );
  const switches = ownersOf(rows.Logical_Switch, ['ports', 'qos_rules']);
  const groups = ownersOf(rows.Port_Group, ['ports']);
  return {
    rows,
    find: (table, id) => byId.get(table)?.get(id),
    switchOf: (row) => switches.get(row),
    groupOf: (port) => groups.get(port),
  };
}

export function markedRow(row: Row): MarkedRow {
  const ids = mapOf(row, 'external_ids');
  return {
    uuid: textOf(row, '_uuid') ?? '',
    version: textOf(row, '_version') ?? '',
    id: `${PROVIDER}/${String(ids.get(RESOURCE_KEY) ?? '')}`,
    chassis: chassisIn(ids.keys()),
    row,
  };
}

function ownersOf(rows: readonly MarkedRow[], columns: readonly string[]): ReadonlyMap<string, MarkedRow> {
  return new Map(
    rows.flatMap((each) =>
      columns.flatMap((column) =>
        setOf(each.row, column).map((owned): [string, MarkedRow] => [String(owned), each]),
      ),
    ),
  );
}
