import type { Json } from './notation.js';
import type { AtomicType, ColumnType, TableSchema } from './schema.js';

/**
 * The value of a column as a program reads it. UUIDs are plain text: the schema knows which columns hold them.
 * One element at most and one at least: the atom itself. An optional column and a set: a list. A map: a Map.
 */
export type Atom = string | number | boolean;
export type Datum = Atom | readonly Atom[] | ReadonlyMap<Atom, Atom>;
/** Column -> value, `_uuid` among them where it was asked for. */
export type Row = ReadonlyMap<string, Datum>;

/** What the server sent is not what its schema says. */
export class DatumError extends Error {
  override readonly name = 'DatumError';
}

const NO_UUID = '00000000-0000-0000-0000-000000000000';

export function defaultOf(type: ColumnType): Datum {
  if (type.value !== undefined) return new Map();
  if (type.min === 0 || type.max > 1) return [];
  return defaultAtom(type.key);
}

function defaultAtom(type: AtomicType): Atom {
  switch (type) {
    case 'integer':
    case 'real':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return NO_UUID;
  }
}

/** @throws DatumError */
export function readDatum(json: Json, type: ColumnType): Datum {
  if (type.value !== undefined) return readMap(json, type.key, type.value);
  if (isTagged(json, 'set')) {
    const atoms = json[1].map((atom) => readAtom(atom, type.key));
    const [only] = atoms;
    if (isScalar(type)) {
      if (only === undefined || atoms.length > 1)
        throw new DatumError(`${atoms.length} values where one belongs`);
      return only;
    }
    return atoms;
  }
  const atom = readAtom(json, type.key);
  return isScalar(type) ? atom : [atom];
}

function readMap(json: Json, keyType: AtomicType, valueType: AtomicType): ReadonlyMap<Atom, Atom> {
  if (!isTagged(json, 'map')) throw new DatumError(`${brief(json)} is no map`);
  const read = new Map<Atom, Atom>();
  for (const pair of json[1]) {
    if (!Array.isArray(pair) || pair.length !== 2) throw new DatumError(`${brief(pair)} is no pair`);
    read.set(readAtom(pair[0] as Json, keyType), readAtom(pair[1] as Json, valueType));
  }
  return read;
}

function readAtom(json: Json, type: AtomicType): Atom {
  if (type === 'uuid') {
    if (Array.isArray(json) && json.length === 2 && json[0] === 'uuid' && typeof json[1] === 'string')
      return json[1];
  } else if (
    type === 'string' ? typeof json === 'string' : type === 'boolean' ? typeof json === 'boolean' : false
  ) {
    return json as Atom;
  } else if ((type === 'integer' || type === 'real') && typeof json === 'number') {
    return json;
  }
  throw new DatumError(`${brief(json)} is no ${type}`);
}

function isTagged(json: Json, tag: 'set' | 'map'): json is readonly [string, readonly Json[]] {
  return Array.isArray(json) && json.length === 2 && json[0] === tag && Array.isArray(json[1]);
}

function isScalar(type: ColumnType): boolean {
  return type.min === 1 && type.max === 1;
}

function brief(json: Json): string {
  return JSON.stringify(json).slice(0, 60);
}

/**
 * Applies the `modify` of an update2 (ovsdb-server(7), "Update2 Notification"): one value at most is replaced, a set is
 * given its symmetric difference, a map the pairs that came, went (sent as they were) or changed.
 */
export function applyDifference(before: Datum, difference: Datum, type: ColumnType): Datum {
  if (type.max <= 1) return difference;
  if (type.value !== undefined) {
    const after = new Map(before as ReadonlyMap<Atom, Atom>);
    for (const [key, value] of difference as ReadonlyMap<Atom, Atom>) {
      if (after.get(key) === value) after.delete(key);
      else after.set(key, value);
    }
    return after;
  }
  const after = new Set(before as readonly Atom[]);
  for (const atom of difference as readonly Atom[]) if (!after.delete(atom)) after.add(atom);
  return [...after];
}

/**
 * @param complete columns of the table that the row lacks are given their defaults, as the server leaves those out.
 * @throws DatumError
 */
export function readRow(json: Json, table: TableSchema, complete?: readonly string[]): Map<string, Datum> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new DatumError(`${brief(json)} is no row`);
  const row = new Map<string, Datum>();
  for (const column of complete ?? []) {
    const type = table.get(column);
    if (type !== undefined) row.set(column, defaultOf(type));
  }
  for (const [column, value] of Object.entries(json)) {
    const type = table.get(column);
    if (type === undefined) throw new DatumError(`the schema has no column ${column}`);
    row.set(column, readDatum(value, type));
  }
  return row;
}

const EMPTY_MAP: ReadonlyMap<Atom, Atom> = new Map();

/** The text of a column; of an optional one, or of a number, its text; `undefined` when it is empty. */
export function textOf(row: Row, column: string): string | undefined {
  const atom = firstOf(row, column);
  return atom === undefined ? undefined : String(atom);
}

/** The number in a column; `undefined` when it is empty or holds something else. */
export function numberOf(row: Row, column: string): number | undefined {
  const atom = firstOf(row, column);
  return typeof atom === 'number' ? atom : undefined;
}

/** The boolean in a column; `false` when it is empty. */
export function flagOf(row: Row, column: string): boolean {
  return firstOf(row, column) === true;
}

/** The elements of a set or optional column. */
export function setOf(row: Row, column: string): readonly Atom[] {
  const datum = row.get(column);
  if (datum === undefined || datum instanceof Map) return [];
  return Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
}

/** The pairs of a map column. */
export function mapOf(row: Row, column: string): ReadonlyMap<Atom, Atom> {
  const datum = row.get(column);
  return datum instanceof Map ? (datum as ReadonlyMap<Atom, Atom>) : EMPTY_MAP;
}

function firstOf(row: Row, column: string): Atom | undefined {
  return setOf(row, column)[0];
}
