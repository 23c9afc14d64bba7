/**
 * A plan's changes as one transaction of the northbound database. Pure. A row that is there already, since another host
 * made it or a kill came between, is taken up rather than made twice. Rows of a network as a whole gather the chassis that
 * they stand for, and go with the last; those of a machine are of whoever makes them its own last.
 */
import { textOf } from '../../../clients/ovsdb/datum.js';
import { set, uuid } from '../../../clients/ovsdb/notation.js';
import { byUuid, mutate, type Operation } from '../../../clients/ovsdb/operations.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { nameOf } from '../../open-vswitch/owner.js';
import { resourceId } from '../identity.js';
import { type LogicalPortProperties, propertiesOf } from '../resources.js';
import { dhcpColumns, limitColumns, logicalPortColumns } from './columns.js';
import { aclChanges } from './guard-rows.js';
import { type Author, RowBook } from './row-book.js';
import type { MarkedTable, NorthboundSnapshot } from './snapshot.js';

/** Tables whose rows are each one resource. */
const TABLE_OF: Readonly<Record<string, MarkedTable>> = {
  switch: 'Logical_Switch',
  'dhcp-options': 'DHCP_Options',
  guard: 'Port_Group',
  'logical-port': 'Logical_Switch_Port',
  limit: 'QoS',
};

export function isNorthbound(resource: Resource): boolean {
  return resource.kind in TABLE_OF;
}

/** @param snapshot all that the project has there, as it stands now. */
export function northboundOperations(
  author: Author,
  changes: readonly Change[],
  snapshot: NorthboundSnapshot,
): Operation[] {
  const book = new RowBook(author, snapshot);
  const work = new NorthboundWork(author, snapshot, book);
  const operations = changes
    .filter((each) => isNorthbound(subjectOf(each)))
    .flatMap((change) => {
      const leaving =
        change.action === 'delete' || change.action === 'replace' ? work.leave(change.before) : [];
      return change.action === 'delete' ? leaving : [...leaving, ...work.arrive(change.after)];
    });
  return [...book.conditions(), ...operations];
}

class NorthboundWork {
  readonly #author: Author;
  readonly #snapshot: NorthboundSnapshot;
  readonly #book: RowBook;

  constructor(author: Author, snapshot: NorthboundSnapshot, book: RowBook) {
    this.#author = author;
    this.#snapshot = snapshot;
    this.#book = book;
  }

  leave({ id, kind }: Resource): Operation[] {
    const table = TABLE_OF[kind];
    const standing = table && this.#book.standing(table, id);
    return table === undefined || standing === undefined ? [] : this.#book.release(table, standing);
  }

  arrive(resource: Resource): Operation[] {
    const { id, kind } = resource;
    switch (kind) {
      case 'switch':
        return this.#book.put('Logical_Switch', id, { name: propertiesOf(resource, 'switch').name });
      case 'dhcp-options':
        return this.#book.put('DHCP_Options', id, dhcpColumns(propertiesOf(resource, 'dhcp-options')));
      case 'guard': {
        const { name, rules } = propertiesOf(resource, 'guard');
        const before = this.#book.standing('Port_Group', id);
        const acls = aclChanges(this.#author.project, id, rules, before, this.#snapshot);
        const group = this.#book.put('Port_Group', id, { name, ...acls.columns });
        return [...acls.rows, ...group, ...acls.mutations];
      }
      case 'limit': {
        const limit = propertiesOf(resource, 'limit');
        return this.#settle('QoS', id, limit.switch, true, () => limitColumns(limit));
      }
      default:
        return this.#arrivePort(id, propertiesOf(resource, 'logical-port'));
    }
  }

  #arrivePort(id: string, port: LogicalPortProperties): Operation[] {
    const table = 'Logical_Switch_Port';
    const settling = this.#settle(table, id, port.switch, port.isPinned, () => {
      const options = port.dhcp === undefined ? undefined : resourceId('dhcp-options', port.dhcp);
      const dhcp = options === undefined ? undefined : this.#book.reference('DHCP_Options', options);
      return {
        ...logicalPortColumns(port, this.#author.chassis),
        dhcpv4_options: set(dhcp === undefined ? [] : [dhcp]),
      };
    });
    const standing = this.#book.standing(table, id);
    const row = this.#book.reference(table, id) ?? uuid('');
    const group = standing && this.#snapshot.groupOf(standing.uuid);
    const guard = this.#book.reference('Port_Group', resourceId('guard', this.#networkOf(port.switch)));
    return [
      ...settling,
      ...(port.isGuarded && group === undefined && guard !== undefined
        ? [mutate('Port_Group', [['_uuid', '==', guard]], [['ports', 'insert', set([row])]])]
        : []),
      ...(!port.isGuarded && group !== undefined && !this.#book.isGone(group)
        ? [mutate('Port_Group', byUuid(group.uuid), [['ports', 'delete', set([row])]])]
        : []),
    ];
  }

  /**
   * Has a row be in its switch. @param isOfMachine it comes here with its machine, which may have been on another host, and
   * there on another network.
   */
  #settle(
    table: MarkedTable,
    id: string,
    switchName: string,
    isOfMachine: boolean,
    columns: () => Parameters<RowBook['put']>[2],
  ): Operation[] {
    const found = this.#book.standing(table, id);
    const owner = found && this.#snapshot.switchOf(found.uuid);
    const isMisplaced =
      found !== undefined && (owner === undefined || textOf(owner.row, 'name') !== switchName);
    const removal = isMisplaced ? this.#book.takeAway(table, found) : [];
    const standing = this.#book.standing(table, id);
    return [
      ...removal,
      ...(standing !== undefined && isOfMachine ? this.#book.takeOver(table, standing) : []),
      ...this.#book.put(table, id, columns()),
      ...(standing === undefined
        ? this.#book.join(table, id, resourceId('switch', this.#networkOf(switchName)))
        : []),
    ];
  }

  /** The network of a switch, by its name: `passerelle.PROJECT.NETWORK`. */
  #networkOf(switchName: string): string {
    const standing = this.#snapshot.rows.Logical_Switch.find(({ row }) => textOf(row, 'name') === switchName);
    return standing === undefined ? (switchName.split('.')[2] ?? '') : nameOf(standing.id);
  }
}
