/** The ACLs of a guard as rows: those that stay stay, so that an edit costs what it changes. Pure. */
import { numberOf, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import { map, namedUuid, set, uuid, uuidName, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import { byUuid, insert, mutate, type Operation } from '../../../clients/ovsdb/operations.js';
import { externalIds } from '../identity.js';
import { aclColumns, ruleText } from './columns.js';
import type { MarkedRow, NorthboundSnapshot } from './snapshot.js';

export interface AclChanges {
  /** New rows, before the group that refers to them. */
  readonly rows: readonly Operation[];
  /** Columns of a group that is made anew. */
  readonly columns: WrittenRow;
  /** What changes in a group that stands. */
  readonly mutations: readonly Operation[];
}

/** @param group the port group as it stands; `undefined`: it is made anew. */
export function aclChanges(
  project: string,
  id: string,
  rules: readonly string[],
  group: MarkedRow | undefined,
  snapshot: NorthboundSnapshot,
): AclChanges {
  const held = new Set(group === undefined ? [] : setOf(group.row, 'acls').map(String));
  const wanted = new Set(rules);
  const standing = new Set<string>();
  const doomed: string[] = [];
  for (const { uuid: acl, row } of snapshot.rows.ACL) {
    if (!held.has(acl)) continue;
    const text = ruleText(
      numberOf(row, 'priority') ?? 0,
      textOf(row, 'action') ?? '',
      textOf(row, 'match') ?? '',
    );
    const isRight = textOf(row, 'direction') === 'from-lport' && wanted.has(text) && !standing.has(text);
    if (isRight) standing.add(text);
    else doomed.push(acl);
  }
  const added = rules.filter((rule) => !standing.has(rule));
  const names = added.map((_, index) => uuidName(`acl${index}`, id));
  const marks = map(externalIds(project, id));
  const rows = added.map((rule, index) =>
    insert('ACL', { ...aclColumns(rule), external_ids: marks }, { uuidName: names[index] ?? '' }),
  );
  if (group === undefined) return { rows, columns: { acls: set(names.map(namedUuid)) }, mutations: [] };
  return {
    rows,
    columns: {},
    mutations: [
      ...(names.length === 0
        ? []
        : [mutate('Port_Group', byUuid(group.uuid), [['acls', 'insert', set(names.map(namedUuid))]])]),
      ...(doomed.length === 0
        ? []
        : [mutate('Port_Group', byUuid(group.uuid), [['acls', 'delete', set(doomed.map(uuid))]])]),
    ],
  };
}
