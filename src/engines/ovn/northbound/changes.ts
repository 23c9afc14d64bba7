/**
 * A plan's changes as one transaction of the northbound database. Pure. A row that is there already, since another host
 * made it or a kill came between, is taken up rather than made twice. Rows of a network as a whole gather the chassis that
 * they stand for, and go with the last; the port of a machine is of whoever makes it its own last.
 *
 * Hosts come up at the same time. So the transaction holds only if what was decided upon is still so: that a row which
 * is made is there by nobody else, and that one which is taken up or let go of is the one that was read.
 */
import { map, namedUuid, type RowReference, set, uuid, uuidName } from '../../../clients/ovsdb/notation.js';
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
import { mapOf, textOf } from '../../../clients/ovsdb/datum.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { nameOf } from '../../open-vswitch/owner.js';
import { chassisKey, externalIds, resourceId } from '../identity.js';
import { type LogicalPortProperties, propertiesOf } from '../resources.js';
import { dhcpColumns, logicalPortColumns } from './columns.js';
import { aclChanges } from './guard-rows.js';
import type { MarkedRow, MarkedTable, NorthboundSnapshot } from './snapshot.js';

/** Tables whose rows are each one resource. */
const TABLE_OF: Readonly<Record<string, MarkedTable>> = {
  switch: 'Logical_Switch',
  'dhcp-options': 'DHCP_Options',
  guard: 'Port_Group',
  'logical-port': 'Logical_Switch_Port',
};

export function isNorthbound(resource: Resource): boolean {
  return resource.kind in TABLE_OF;
}

export interface Author {
  readonly project: string;
  /** Name of this host's chassis. */
  readonly chassis: string;
}

/** @param snapshot all that the project has there, as it stands now. */
export function northboundOperations(
  author: Author,
  changes: readonly Change[],
  snapshot: NorthboundSnapshot,
): Operation[] {
  return new NorthboundWork(author, snapshot).operationsOf(
    changes.filter((each) => isNorthbound(subjectOf(each))),
  );
}

class NorthboundWork {
  readonly #author: Author;
  readonly #snapshot: NorthboundSnapshot;
  /** Ids of resources whose rows this transaction makes anew. */
  readonly #made = new Set<string>();
  /** Rows that this transaction has taken away. */
  readonly #gone = new Set<string>();
  /** Rows that this transaction has let go of, and that other chassis hold. */
  readonly #released = new Set<string>();

  /** What must still be so, by the row or resource. */
  readonly #conditions = new Map<string, Operation>();

  constructor(author: Author, snapshot: NorthboundSnapshot) {
    this.#author = author;
    this.#snapshot = snapshot;
  }

  operationsOf(changes: readonly Change[]): Operation[] {
    const operations = changes.flatMap((change) => {
      const leaving =
        change.action === 'delete' || change.action === 'replace' ? this.#leave(change.before) : [];
      return change.action === 'delete' ? leaving : [...leaving, ...this.#arrive(change.after)];
    });
    return [...this.#conditions.values(), ...operations];
  }

  #leave(resource: Resource): Operation[] {
    const { id, kind } = resource;
    const standing = this.#standing(id, kind);
    if (standing === undefined) return [];
    const { chassis } = this.#author;
    const table = TABLE_OF[kind] ?? 'ACL';
    this.#mustBeUnchanged(table, standing);
    if (standing.chassis.some((each) => each !== chassis)) {
      this.#released.add(standing.uuid);
      return [mutate(table, byUuid(standing.uuid), [['external_ids', 'delete', set([chassisKey(chassis)])]])];
    }
    if (kind === 'logical-port') return this.#removePort(standing);
    this.#gone.add(standing.uuid);
    return [remove(table, byUuid(standing.uuid))];
  }

  #removePort({ uuid: row }: MarkedRow): Operation[] {
    this.#gone.add(row);
    const owner = this.#snapshot.switchOf(row);
    // Nothing refers to it any more, and so it goes.
    return owner === undefined || this.#gone.has(owner.uuid)
      ? []
      : [mutate('Logical_Switch', byUuid(owner.uuid), [['ports', 'delete', set([uuid(row)])]])];
  }

  /** A machine that comes from another host may have been on another network there. */
  #removeMisplaced(id: string, port: LogicalPortProperties): Operation[] {
    const standing = this.#standing(id, 'logical-port');
    if (standing === undefined) return [];
    const owner = this.#snapshot.switchOf(standing.uuid);
    const isThere = owner !== undefined && textOf(owner.row, 'name') === port.switch;
    return isThere ? [] : this.#removePort(standing);
  }

  #arrive(resource: Resource): Operation[] {
    const { id, kind } = resource;
    switch (kind) {
      case 'switch':
        return this.#put('Logical_Switch', id, { name: propertiesOf(resource, 'switch').name });
      case 'dhcp-options':
        return this.#put('DHCP_Options', id, dhcpColumns(propertiesOf(resource, 'dhcp-options')));
      case 'guard': {
        const { name, rules } = propertiesOf(resource, 'guard');
        const before = this.#standing(id, kind);
        const acls = aclChanges(this.#author.project, id, rules, before, this.#snapshot);
        return [...acls.rows, ...this.#put('Port_Group', id, { name, ...acls.columns }), ...acls.mutations];
      }
      default:
        return this.#arrivePort(id, propertiesOf(resource, 'logical-port'));
    }
  }

  #arrivePort(id: string, port: LogicalPortProperties): Operation[] {
    const { chassis } = this.#author;
    const removal = this.#removeMisplaced(id, port);
    const before = this.#standing(id, 'logical-port');
    const network = this.#networkOf(port.switch);
    const dhcp =
      port.dhcp === undefined ? undefined : this.#reference('DHCP_Options', 'dhcp-options', port.dhcp);
    const columns = {
      ...logicalPortColumns(port, chassis),
      dhcpv4_options: set(dhcp === undefined ? [] : [dhcp]),
    };
    const row = before === undefined ? namedUuid(rowName('Logical_Switch_Port', id)) : uuid(before.uuid);
    const group = before && this.#snapshot.groupOf(before.uuid);
    const joins = port.isGuarded && group === undefined;
    const leaves = !port.isGuarded && group !== undefined;
    const guard = this.#reference('Port_Group', 'guard', network);
    return [
      ...removal,
      ...(before !== undefined && port.isPinned ? this.#takeOver(before) : []),
      ...this.#put('Logical_Switch_Port', id, columns),
      ...(before === undefined
        ? [
            mutate(
              'Logical_Switch',
              [['_uuid', '==', this.#reference('Logical_Switch', 'switch', network) ?? uuid('')]],
              [['ports', 'insert', set([row])]],
            ),
          ]
        : []),
      ...(joins && guard !== undefined
        ? [mutate('Port_Group', [['_uuid', '==', guard]], [['ports', 'insert', set([row])]])]
        : []),
      ...(leaves && !this.#gone.has(group.uuid)
        ? [mutate('Port_Group', byUuid(group.uuid), [['ports', 'delete', set([row])]])]
        : []),
    ];
  }

  /** A machine has come here: its port stands for no other host any more. */
  #takeOver({ uuid: row, chassis }: MarkedRow): Operation[] {
    const others = chassis.filter((each) => each !== this.#author.chassis);
    return others.length === 0
      ? []
      : [
          mutate('Logical_Switch_Port', byUuid(row), [
            ['external_ids', 'delete', set(others.map(chassisKey))],
          ]),
        ];
  }

  /** Makes the row, or has the one that stands be so and stand for this chassis too. */
  #put(table: MarkedTable, id: string, columns: Parameters<typeof insert>[1]): Operation[] {
    const { project, chassis } = this.#author;
    const key = { [chassisKey(chassis)]: 'here' };
    const standing = this.#snapshot.find(table, id);
    if (standing !== undefined && !this.#gone.has(standing.uuid)) {
      this.#mustBeUnchanged(table, standing);
      const isMarked =
        mapOf(standing.row, 'external_ids').has(chassisKey(chassis)) && !this.#released.has(standing.uuid);
      return [
        update(table, byUuid(standing.uuid), columns),
        ...(isMarked ? [] : [mutate(table, byUuid(standing.uuid), [['external_ids', 'insert', map(key)]])]),
      ];
    }
    this.#made.add(`${table} ${id}`);
    if (standing === undefined) this.#mustBeNone(table, id);
    const marks = map({ ...externalIds(project, id), ...key });
    return [insert(table, { ...columns, external_ids: marks }, { uuidName: rowName(table, id) })];
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

  /** The row of a resource, whether this transaction makes it or it stands. */
  #reference(
    table: MarkedTable,
    kind: 'switch' | 'dhcp-options' | 'guard',
    name: string,
  ): RowReference | undefined {
    const id = resourceId(kind, name);
    if (this.#made.has(`${table} ${id}`)) return namedUuid(rowName(table, id));
    const standing = this.#snapshot.find(table, id);
    return standing === undefined || this.#gone.has(standing.uuid) ? undefined : uuid(standing.uuid);
  }

  #standing(id: string, kind: string): MarkedRow | undefined {
    const table = TABLE_OF[kind];
    const row = table && this.#snapshot.find(table, id);
    return row === undefined || this.#gone.has(row.uuid) ? undefined : row;
  }

  /** The network of a switch, by its name: `passerelle.PROJECT.NETWORK`. */
  #networkOf(switchName: string): string {
    const standing = this.#snapshot.rows.Logical_Switch.find(({ row }) => textOf(row, 'name') === switchName);
    return standing === undefined ? (switchName.split('.')[2] ?? '') : nameOf(standing.id);
  }
}

function rowName(table: MarkedTable, id: string): string {
  return uuidName(table, id);
}
