import type { JsonObject, WrittenMap, WrittenRow, WrittenSet, WrittenValue } from './notation.js';

/**
 * The operations of a transaction (RFC 7047, section 5.2) as pure functions. Every change is a value before it is
 * sent, so that plans, tests and `--commands` look at the same thing that the server gets.
 */
export type Operation = JsonObject & { readonly op: string };

/** `[column, function, value]`; all of a `where` must hold, and an empty `where` takes every row. */
export type Condition = readonly [
  column: string,
  test: '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes',
  value: WrittenValue,
];
export type Where = readonly Condition[];

/**
 * `insert` into a map never overwrites: delete the key first. `delete` takes from a set its elements, from a map pairs
 * (a map value) or keys (a set value).
 */
export type Mutation = readonly [
  column: string,
  mutator: '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete',
  value: WrittenValue,
];

/** @param identity `uuidName` lets the same transaction refer to the row; `uuid` decides its UUID (OVS 2.13+). */
export function insert(
  table: string,
  row: WrittenRow,
  identity: { readonly uuidName?: string; readonly uuid?: string } = {},
): Operation {
  return {
    op: 'insert',
    table,
    row,
    ...(identity.uuidName === undefined ? {} : { 'uuid-name': identity.uuidName }),
    ...(identity.uuid === undefined ? {} : { uuid: identity.uuid }),
  };
}

/** @param columns left out: every column, `_uuid` and `_version` included. */
export function select(table: string, where: Where, columns?: readonly string[]): Operation {
  return { op: 'select', table, where, ...(columns === undefined ? {} : { columns }) };
}

export function update(table: string, where: Where, row: WrittenRow): Operation {
  return { op: 'update', table, where, row };
}

export function mutate(table: string, where: Where, mutations: readonly Mutation[]): Operation {
  return { op: 'mutate', table, where, mutations };
}

/** Deletes the rows; `delete` is a word of the language. */
export function remove(table: string, where: Where): Operation {
  return { op: 'delete', table, where };
}

/**
 * Fails the transaction (`timed out`) unless the rows come to match. `timeoutMs` 0 tests once and is the optimistic
 * lock: the rows are still what was read.
 */
export function wait(
  table: string,
  where: Where,
  expected: {
    readonly until: '==' | '!=';
    readonly columns: readonly string[];
    readonly rows: readonly WrittenRow[];
  },
  timeoutMs = 0,
): Operation {
  return { op: 'wait', table, where, ...expected, timeout: timeoutMs };
}

/** Fails the transaction (`not owner`) unless this connection owns the lock. */
export function assertLock(lock: string): Operation {
  return { op: 'assert', lock };
}

/** A line in the database's log, shown by `ovsdb-tool show-log`. */
export function comment(text: string): Operation {
  return { op: 'comment', comment: text };
}

/** The row with this UUID. */
export function byUuid(rowUuid: string): Where {
  return [['_uuid', '==', ['uuid', rowUuid]]];
}

/** Mutations that give a map column these entries, overwriting what the keys held. */
export function putIntoMap(column: string, entries: WrittenMap): readonly Mutation[] {
  const keys: WrittenSet = ['set', entries[1].map(([key]) => key)];
  return [
    [column, 'delete', keys],
    [column, 'insert', entries],
  ];
}
