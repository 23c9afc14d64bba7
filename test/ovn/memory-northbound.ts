/**
 * As much of a northbound database as this engine uses, in memory: the operations of RFC 7047, rows that nothing refers to
 * going away, references to rows that went going too, and unique names. For property tests.
 */
import type { Datum, Row } from '../../src/clients/ovsdb/datum.js';
import { readRow } from '../../src/clients/ovsdb/datum.js';
import type { Json, JsonObject } from '../../src/clients/ovsdb/notation.js';
import type { Operation } from '../../src/clients/ovsdb/operations.js';
import type { ColumnType, TableSchema } from '../../src/clients/ovsdb/schema.js';
import { PROJECT_KEY } from '../../src/engines/ovn/identity.js';
import {
  type MarkedRow,
  type MarkedTable,
  markedRow,
  type NorthboundSnapshot,
  snapshotOf,
} from '../../src/engines/ovn/northbound/snapshot.js';

const SET: ColumnType = { key: 'string', min: 0, max: Number.POSITIVE_INFINITY };
const UUIDS: ColumnType = { ...SET, key: 'uuid' };
const UUID: ColumnType = { key: 'uuid', min: 0, max: 1 };
const MAP: ColumnType = { ...SET, value: 'string' };
const TEXT: ColumnType = { key: 'string', min: 1, max: 1 };
const NUMBER: ColumnType = { key: 'integer', min: 1, max: 1 };

const COLUMNS: Readonly<Record<MarkedTable, Readonly<Record<string, ColumnType>>>> = {
  Logical_Switch: { name: TEXT, ports: UUIDS, qos_rules: UUIDS, external_ids: MAP },
  Logical_Switch_Port: {
    name: TEXT,
    type: TEXT,
    addresses: SET,
    port_security: SET,
    dhcpv4_options: UUID,
    options: MAP,
    tag_request: { key: 'integer', min: 0, max: 1 },
    external_ids: MAP,
  },
  DHCP_Options: { cidr: TEXT, options: MAP, external_ids: MAP },
  Port_Group: { name: TEXT, ports: UUIDS, acls: UUIDS, external_ids: MAP },
  QoS: {
    direction: TEXT,
    priority: NUMBER,
    match: TEXT,
    bandwidth: { ...MAP, value: 'integer' },
    external_ids: MAP,
  },
  ACL: { direction: TEXT, priority: NUMBER, match: TEXT, action: TEXT, external_ids: MAP },
};

/** Rows that live as long as one of these columns refers to them. */
const OWNED: readonly (readonly [MarkedTable, MarkedTable, string])[] = [
  ['Logical_Switch_Port', 'Logical_Switch', 'ports'],
  ['ACL', 'Port_Group', 'acls'],
  ['QoS', 'Logical_Switch', 'qos_rules'],
];

type Atoms = string | number | boolean;

export class MemoryNorthbound {
  readonly #tables = new Map<MarkedTable, Map<string, Map<string, Datum>>>();
  readonly #versions = new Map<string, number>();
  #count = 0;

  constructor() {
    for (const table of Object.keys(COLUMNS) as MarkedTable[]) this.#tables.set(table, new Map());
  }

  add(table: MarkedTable, row: JsonObject): void {
    this.transact([{ op: 'insert', table, row }]);
  }

  names(): string[] {
    return [...this.#tables].flatMap(([table, rows]) =>
      [...rows.values()].map((row) => `${table} ${String(row.get('name'))}`),
    );
  }

  snapshot(project: string): NorthboundSnapshot {
    const rows = [...this.#tables].map(([table, all]): [MarkedTable, MarkedRow[]] => [
      table,
      [...all]
        .filter(
          ([, row]) => (row.get('external_ids') as ReadonlyMap<Atoms, Atoms>).get(PROJECT_KEY) === project,
        )
        .map(([uuid, row]) =>
          markedRow(new Map([...row, ['_uuid', uuid], ['_version', this.#version(uuid)]]) as Row),
        ),
    ]);
    return snapshotOf(Object.fromEntries(rows) as Record<MarkedTable, MarkedRow[]>);
  }

  /** @throws Error `timed out` when a condition does not hold; then nothing is done. */
  transact(operations: readonly Operation[]): void {
    for (const operation of operations) if (operation.op === 'wait') this.#check(operation);
    const named = new Map<string, string>();
    for (const operation of operations)
      if (typeof operation['uuid-name'] === 'string')
        named.set(operation['uuid-name'], `row-${this.#count++}`);
    for (const operation of operations) this.#carryOut(operation, named);
    this.#collect();
    const ports = [...this.#rows('Logical_Switch_Port').values()].map((row) => row.get('name'));
    if (new Set(ports).size !== ports.length) throw new Error(`a name stands twice: ${ports.join(' ')}`);
  }

  #version(uuid: string): string {
    return `version-${this.#versions.get(uuid) ?? 0}`;
  }

  #check(operation: Operation): void {
    const [[, , value] = []] = operation['where'] as unknown as [string, string, [string, Json]][];
    const [expected] = operation['rows'] as unknown as { _version: [string, string] }[];
    const rows = this.#rows(operation['table'] as MarkedTable);
    const holds =
      expected === undefined
        ? ![...rows.values()].some((row) => includes(row.get('external_ids'), value?.[1]))
        : rows.has(String(value?.[1])) && this.#version(String(value?.[1])) === expected._version[1];
    if (!holds) throw new Error('timed out');
  }

  #carryOut(operation: Operation, named: ReadonlyMap<string, string>): void {
    if (operation.op === 'wait') return;
    const table = operation['table'] as MarkedTable;
    const rows = this.#rows(table);
    const columns: TableSchema = new Map(Object.entries(COLUMNS[table]));
    const read = (row: Json, complete?: readonly string[]) =>
      readRow(resolved(row, named), columns, complete);
    if (operation.op === 'insert') {
      const uuid = named.get(String(operation['uuid-name'])) ?? `row-${this.#count++}`;
      rows.set(uuid, read(operation['row'] ?? {}, [...columns.keys()]));
      return;
    }
    const [[, , condition] = []] = operation['where'] as unknown as [string, string, Json][];
    const [, uuid] = resolved(condition ?? null, named) as [string, string];
    const row = rows.get(uuid);
    if (row === undefined) throw new Error(`${operation.op} of a row of ${table} that is not there`);
    this.#versions.set(uuid, (this.#versions.get(uuid) ?? 0) + 1);
    if (operation.op === 'delete') rows.delete(uuid);
    else if (operation.op === 'update')
      for (const [column, value] of read(operation['row'] ?? {})) row.set(column, value);
    else
      for (const [column, how, value] of operation['mutations'] as unknown as [string, string, Json][]) {
        const type = columns.get(column)!;
        const isKeys = how === 'delete' && type.value !== undefined;
        const schema: TableSchema = isKeys ? new Map([[column, SET]]) : columns;
        const change = readRow(resolved({ [column]: value }, named), schema).get(column);
        row.set(column, mutated(row.get(column)!, how, change!));
      }
  }

  /** Until nothing changes: what nobody owns goes, and with what went go references to it. */
  #collect(): void {
    for (const [table, ownerTable, column] of OWNED) {
      const owned = new Set(
        [...this.#rows(ownerTable).values()].flatMap((row) => [...(row.get(column) as readonly Atoms[])]),
      );
      for (const uuid of this.#rows(table).keys()) if (!owned.has(uuid)) this.#rows(table).delete(uuid);
    }
    const stands = (table: MarkedTable) => (uuid: Atoms) => this.#rows(table).has(String(uuid));
    for (const row of this.#rows('Port_Group').values())
      row.set('ports', (row.get('ports') as readonly Atoms[]).filter(stands('Logical_Switch_Port')));
    for (const row of this.#rows('Logical_Switch_Port').values())
      row.set(
        'dhcpv4_options',
        (row.get('dhcpv4_options') as readonly Atoms[]).filter(stands('DHCP_Options')),
      );
  }

  #rows(table: MarkedTable): Map<string, Map<string, Datum>> {
    const rows = this.#tables.get(table);
    if (rows === undefined) throw new Error(`no table ${table}`);
    return rows;
  }
}

function includes(ids: Datum | undefined, pairs: Json | undefined): boolean {
  const held = ids as ReadonlyMap<Atoms, Atoms>;
  return (pairs as readonly [string, string][]).every(([key, value]) => held.get(key) === value);
}

function resolved(json: Json, named: ReadonlyMap<string, string>): Json {
  if (!Array.isArray(json)) {
    if (typeof json !== 'object' || json === null) return json;
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, resolved(value, named)]));
  }
  const [tag, name] = json as readonly Json[];
  if (tag === 'named-uuid') {
    const uuid = named.get(String(name));
    if (uuid === undefined) throw new Error(`nobody makes the row ${String(name)}`);
    return ['uuid', uuid];
  }
  return (json as readonly Json[]).map((each) => resolved(each, named));
}

function mutated(before: Datum, how: string, change: Datum): Datum {
  if (before instanceof Map) {
    const after = new Map(before as ReadonlyMap<Atoms, Atoms>);
    if (how === 'delete') for (const key of change as readonly Atoms[]) after.delete(key);
    // An entry that stands is never overwritten.
    else
      for (const [key, value] of change as ReadonlyMap<Atoms, Atoms>)
        if (!after.has(key)) after.set(key, value);
    return after;
  }
  const atoms = before as readonly Atoms[];
  const changed = change as readonly Atoms[];
  return how === 'delete'
    ? atoms.filter((atom) => !changed.includes(atom))
    : [...new Set([...atoms, ...changed])];
}
