/**
 * The rows that one transaction is about: which stand, which it makes, which it takes away, and what must still be so for it
 * to hold. Hosts come up at the same time, so what was decided upon is asked once more: that a row which is made is there by
 * nobody else, and that one which is taken up or let go of is the one that was read. Pure.
 */
import { mapOf } from '../../../clients/ovsdb/datum.js';
import {
  map,
  namedUuid,
  type RowReference,
  set,
  uuid,
  uuidName,
  type WrittenRow,
} from '../../../clients/ovsdb/notation.js';
import {
  byUuid,
  insert,
  mutate,
  type Operation,
  remove,
  update,
  wait,
  type Where,
} from '../../../clients/ovsdb/operations.js';
import { chassisKey, externalIds } from '../identity.js';
import type { MarkedRow, MarkedTable, NorthboundSnapshot } from './snapshot.js';

export interface Author {
  readonly project: string;
  /** Name of this host's chassis. */
  readonly chassis: string;
}

/** Tables whose rows live as long as a column of their switch refers to them. */
const COLUMN_OF_SWITCH: Readonly<Partial<Record<MarkedTable, 'ports' | 'qos_rules'>>> = {
  Logical_Switch_Port: 'ports',
  QoS: 'qos_rules',
};

export class RowBook {
  readonly #author: Author;
  readonly #snapshot: NorthboundSnapshot;
  /** `TABLE ID` of rows that this transaction makes. */
  readonly #made = new Set<string>();
  readonly #gone = new Set<string>();
  /** Rows that this transaction has let go of, and that other chassis hold. */
  readonly #released = new Set<string>();
  /** By the row or resource. */
  readonly #conditions = new Map<string, Operation>();

  constructor(author: Author, snapshot: NorthboundSnapshot) {
    this.#author = author;
    this.#snapshot = snapshot;
  }

  /** What must still be so, before anything else. */
  conditions(): Operation[] {
    return [...this.#conditions.values()];
  }

  /** The row of a resource that stands, whichever chassis it stands for, and still does. */
  standing(table: MarkedTable, id: string): MarkedRow | undefined {
    const row = this.#snapshot.find(table, id);
    return row === undefined || this.isGone(row) ? undefined : row;
  }

  isGone({ uuid: row }: MarkedRow): boolean {
    return this.#gone.has(row);
  }

  /** A reference to the row of a resource, whether this transaction makes it or it stands. */
  reference(table: MarkedTable, id: string): RowReference | undefined {
    if (this.#made.has(`${table} ${id}`)) return namedUuid(uuidName(table, id));
    const standing = this.standing(table, id);
    return standing === undefined ? undefined : uuid(standing.uuid);
  }

  /** Makes the row, or has the one that stands be so and stand for this chassis too. */
  put(table: MarkedTable, id: string, columns: WrittenRow): Operation[] {
    const { project, chassis } = this.#author;
    const key = { [chassisKey(chassis)]: 'here' };
    const standing = this.standing(table, id);
    if (standing !== undefined) {
      this.#mustBeUnchanged(table, standing);
      const isMarked =
        mapOf(standing.row, 'external_ids').has(chassisKey(chassis)) && !this.#released.has(standing.uuid);
      return [
        update(table, byUuid(standing.uuid), columns),
        ...(isMarked ? [] : [mutate(table, byUuid(standing.uuid), [['external_ids', 'insert', map(key)]])]),
      ];
    }
    this.#made.add(`${table} ${id}`);
    if (this.#snapshot.find(table, id) === undefined) this.#mustBeNone(table, id);
    const marks = map({ ...externalIds(project, id), ...key });
    return [insert(table, { ...columns, external_ids: marks }, { uuidName: uuidName(table, id) })];
  }

  /** The row is wanted here no more: it goes, unless it stands for others. */
  release(table: MarkedTable, row: MarkedRow): Operation[] {
    const { chassis } = this.#author;
    this.#mustBeUnchanged(table, row);
    if (row.chassis.every((each) => each === chassis)) return this.takeAway(table, row);
    this.#released.add(row.uuid);
    return [mutate(table, byUuid(row.uuid), [['external_ids', 'delete', set([chassisKey(chassis)])]])];
  }

  takeAway(table: MarkedTable, row: MarkedRow): Operation[] {
    this.#gone.add(row.uuid);
    const column = COLUMN_OF_SWITCH[table];
    if (column === undefined) return [remove(table, byUuid(row.uuid))];
    const owner = this.#snapshot.switchOf(row.uuid);
    // Nothing refers to it any more, and so it goes.
    return owner === undefined || this.isGone(owner)
      ? []
      : [mutate('Logical_Switch', byUuid(owner.uuid), [[column, 'delete', set([uuid(row.uuid)])]])];
  }

  /** A machine has come here: the row stands for no other host any more. */
  takeOver(table: MarkedTable, { uuid: row, chassis }: MarkedRow): Operation[] {
    const others = chassis.filter((each) => each !== this.#author.chassis);
    return others.length === 0
      ? []
      : [mutate(table, byUuid(row), [['external_ids', 'delete', set(others.map(chassisKey))]])];
  }

  /** Puts a row that this transaction makes into its switch. */
  join(table: MarkedTable, id: string, switchId: string): Operation[] {
    const column = COLUMN_OF_SWITCH[table];
    const owner = this.reference('Logical_Switch', switchId);
    const row = this.reference(table, id);
    return column === undefined || owner === undefined || row === undefined
      ? []
      : [mutate('Logical_Switch', [['_uuid', '==', owner]], [[column, 'insert', set([row])]])];
  }

  #mustBeUnchanged(table: MarkedTable, { uuid: row, version }: MarkedRow): void {
    const expected = { until: '==', columns: ['_version'], rows: [{ _version: uuid(version) }] } as const;
    this.#conditions.set(row, wait(table, byUuid(row), expected));
  }

  #mustBeNone(table: MarkedTable, id: string): void {
    const marked: Where = [['external_ids', 'includes', map(externalIds(this.#author.project, id))]];
    this.#conditions.set(
      `${table} ${id}`,
      wait(table, marked, { until: '==', columns: ['_uuid'], rows: [] }),
    );
  }
}
