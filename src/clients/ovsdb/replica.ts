import { applyDifference, DatumError, type Datum, type Row, readRow } from './datum.js';
import type { Json, JsonObject } from './notation.js';
import { type DatabaseSchema, tableOf } from './schema.js';

/** Table -> UUID -> row, as of the last update. */
export type Tables = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/** Table -> columns that are watched. */
export type Watched = Readonly<Record<string, readonly string[]>>;

/**
 * What a monitor knows of a database: the reply to `monitor_cond` and then each `update2` applied to it
 * (ovsdb-server(7)). Columns that hold their default are left out by the server and filled in here.
 */
export class Replica {
  readonly #schema: DatabaseSchema;
  readonly #watched: Watched;
  readonly #tables = new Map<string, Map<string, Map<string, Datum>>>();

  constructor(schema: DatabaseSchema, watched: Watched) {
    this.#schema = schema;
    this.#watched = watched;
    for (const table of Object.keys(watched)) this.#tables.set(table, new Map());
  }

  get tables(): Tables {
    return this.#tables;
  }

  /** The rows of a watched table. */
  rows(table: string): ReadonlyMap<string, Row> {
    return this.#tables.get(table) ?? new Map<string, Row>();
  }

  /** @throws DatumError when the update is not what the schema says. */
  apply(updates: Json): void {
    for (const [table, rows] of Object.entries(objectOf(updates))) {
      const known = this.#tables.get(table);
      if (known === undefined) throw new DatumError(`an update for ${table}, which is not watched`);
      for (const [rowUuid, change] of Object.entries(objectOf(rows))) {
        this.#applyRow(table, known, rowUuid, objectOf(change));
      }
    }
  }

  #applyRow(
    table: string,
    known: Map<string, Map<string, Datum>>,
    rowUuid: string,
    change: JsonObject,
  ): void {
    const columns = tableOf(this.#schema, table);
    const fresh = change['initial'] ?? change['insert'];
    if (fresh !== undefined) {
      known.set(rowUuid, readRow(fresh, columns, this.#watched[table]));
      return;
    }
    if ('delete' in change) {
      known.delete(rowUuid);
      return;
    }
    const row = known.get(rowUuid);
    if (row === undefined)
      throw new DatumError(`a change of the row ${rowUuid} of ${table}, which was never sent`);
    for (const [column, difference] of readRow(change['modify'] ?? null, columns)) {
      const type = columns.get(column);
      const before = row.get(column);
      if (type !== undefined && before !== undefined)
        row.set(column, applyDifference(before, difference, type));
    }
  }
}

function objectOf(json: Json | undefined): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw new DatumError(`${JSON.stringify(json ?? null).slice(0, 60)} where an object belongs`);
}
