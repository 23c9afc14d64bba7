import { PasserelleError } from '../../errors.js';
import type { Json, JsonObject } from './notation.js';

/** What a database looks like (RFC 7047, section 3.2), as far as a client needs it. */
export interface DatabaseSchema {
  readonly name: string;
  /** `x.y.z` */
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

export type TableSchema = ReadonlyMap<string, ColumnType>;

export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

export interface ColumnType {
  readonly key: AtomicType;
  /** Type of a map's values; absent on a column that is no map. */
  readonly value?: AtomicType;
  /** Fewest elements: 0 or 1. */
  readonly min: 0 | 1;
  /** Most elements. */
  readonly max: number;
}

const UUID_COLUMN: ColumnType = { key: 'uuid', min: 1, max: 1 };
const ATOMIC_TYPES: readonly string[] = ['integer', 'real', 'boolean', 'string', 'uuid'];

/** @throws PasserelleError `ovsdb/bad-schema` when the answer to `get_schema` is none. */
export function parseSchema(json: Json): DatabaseSchema {
  const { name, version, tables } = objectOf(json, 'the schema');
  const parsed = new Map<string, TableSchema>();
  for (const [table, description] of Object.entries(objectOf(tables, 'tables'))) {
    const columns = new Map<string, ColumnType>([
      ['_uuid', UUID_COLUMN],
      ['_version', UUID_COLUMN],
    ]);
    for (const [column, about] of Object.entries(objectOf(objectOf(description, table)['columns'], table))) {
      columns.set(
        column,
        parseColumnType(objectOf(about, `${table}.${column}`)['type'], `${table}.${column}`),
      );
    }
    parsed.set(table, columns);
  }
  if (typeof name !== 'string') throw badSchema('it has no name');
  return { name, version: typeof version === 'string' ? version : '', tables: parsed };
}

function parseColumnType(json: Json | undefined, where: string): ColumnType {
  if (typeof json === 'string') return { key: atomicTypeOf(json, where), min: 1, max: 1 };
  const type = objectOf(json, where);
  const key = baseTypeOf(type['key'], where);
  const min = type['min'] ?? 1;
  const max = type['max'] ?? 1;
  if (min !== 0 && min !== 1) throw badSchema(`${where} has no right minimum`);
  if (max !== 'unlimited' && typeof max !== 'number') throw badSchema(`${where} has no right maximum`);
  const bounds = { min, max: max === 'unlimited' ? Number.POSITIVE_INFINITY : max } as const;
  return type['value'] === undefined
    ? { key, ...bounds }
    : { key, value: baseTypeOf(type['value'], where), ...bounds };
}

function baseTypeOf(json: Json | undefined, where: string): AtomicType {
  return atomicTypeOf(typeof json === 'string' ? json : objectOf(json, where)['type'], where);
}

function atomicTypeOf(json: Json | undefined, where: string): AtomicType {
  if (typeof json === 'string' && ATOMIC_TYPES.includes(json)) return json as AtomicType;
  throw badSchema(`${where} has the type ${JSON.stringify(json)}`);
}

function objectOf(json: Json | undefined, where: string): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw badSchema(`${where} is no object`);
}

function badSchema(detail: string): PasserelleError {
  return new PasserelleError({
    code: 'ovsdb/bad-schema',
    message: `the database server described its database in a way that RFC 7047 does not know: ${detail}`,
  });
}

/** Tables and columns that a program is about to name. */
export type Needs = Readonly<Record<string, readonly string[]>>;

/** What of `needs` the database lacks, as `Table` or `Table.column`: one unknown column rejects a whole transaction. */
export function lacking(schema: DatabaseSchema, needs: Needs): string[] {
  return Object.entries(needs).flatMap(([table, columns]) => {
    const known = schema.tables.get(table);
    if (known === undefined) return [table];
    return columns.filter((column) => !known.has(column)).map((column) => `${table}.${column}`);
  });
}

/** @throws PasserelleError `ovsdb/schema-too-old` when the database lacks any of `needs`. */
export function requireSchema(schema: DatabaseSchema, needs: Needs): void {
  const missing = lacking(schema, needs);
  if (missing.length === 0) return;
  throw new PasserelleError({
    code: 'ovsdb/schema-too-old',
    message: `the database ${schema.name} ${schema.version} has no ${missing.join(', ')}`,
    fix: 'upgrade Open vSwitch (`ovs-vsctl --version` shows what runs), then convert its database: `ovsdb-client needs-conversion`',
  });
}

export function tableOf(schema: DatabaseSchema, table: string): TableSchema {
  const known = schema.tables.get(table);
  if (known === undefined) requireSchema(schema, { [table]: [] });
  return known ?? new Map();
}
