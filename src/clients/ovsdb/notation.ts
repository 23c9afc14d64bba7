/** OVSDB's JSON notation (RFC 7047, section 5.1): how values are written in operations. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A reference to a row that exists, or to one that the same transaction inserts. */
export type RowReference = readonly ['uuid', string] | readonly ['named-uuid', string];
export type WrittenAtom = string | number | boolean | RowReference;
export type WrittenSet = readonly ['set', readonly WrittenAtom[]];
export type WrittenMap = readonly ['map', readonly (readonly [WrittenAtom, WrittenAtom])[]];
/** What stands in a column of an operation. */
export type WrittenValue = WrittenAtom | WrittenSet | WrittenMap;
export type WrittenRow = { readonly [column: string]: WrittenValue };

export function uuid(value: string): RowReference {
  return ['uuid', value];
}

/** Refers to the row that an `insert` of the same transaction gives this `uuid-name`. */
export function namedUuid(name: string): RowReference {
  return ['named-uuid', name];
}

export function set(atoms: Iterable<WrittenAtom>): WrittenSet {
  return ['set', [...atoms]];
}

/** An optional column: empty when there is no value. */
export function optional(atom: WrittenAtom | undefined): WrittenSet {
  return ['set', atom === undefined ? [] : [atom]];
}

/** Entries whose value is `undefined` are left out. */
export function map(entries: Readonly<Record<string, WrittenAtom | undefined>>): WrittenMap {
  return [
    'map',
    Object.entries(entries).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  ];
}

/**
 * A `uuid-name` is an identifier (RFC 7047, section 3.1, <id>); other characters become `_hex`, so that two names stay
 * two names.
 */
export function uuidName(prefix: string, text: string): string {
  const escaped = text.replace(
    /[^A-Za-z0-9]/gu,
    (character) => `_${character.codePointAt(0)!.toString(16)}_`,
  );
  return `${prefix}_${escaped}`;
}
