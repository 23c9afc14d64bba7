/**
 * A bond: several NICs that are one port of the bridge (IEEE 802.1AX link aggregation). Pure.
 *
 * The port has a name of its own, so that members come and go while it stays. Members are interfaces of the port; what is
 * observed are those that work, so that one which died is missing and is taken in again. A member comes and goes in the
 * transaction that the rest of the plan is; only one that stands dead goes in an earlier one, since a device that leaves
 * and joins within one transaction stays the device it was.
 *
 * LACP is fast (`lacp-time`): a member whose far end is silent is left after three seconds, not after 90.
 */
import { createHash } from 'node:crypto';
import { map, namedUuid, set, uuid, uuidName, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import { insert, mutate, type Operation, putIntoMap, update } from '../../../clients/ovsdb/operations.js';
import { externalIds, UPLINK_KEY } from '../identity.js';
import type { UplinkProperties } from '../resources.js';

/** An uplink that is a bond. */
export type BondProperties = UplinkProperties &
  Required<Pick<UplinkProperties, 'members' | 'bondMode' | 'lacp'>>;

export function isBond(uplink: UplinkProperties): uplink is BondProperties {
  return uplink.members !== undefined;
}

/** The NICs behind an uplink. @param port name of its port, which of a lone NIC is the NIC's. */
export function nicsOf(uplink: UplinkProperties, port: string): readonly string[] {
  return uplink.members ?? [port];
}

/** Kernel names have 15 characters at most (IFNAMSIZ), and the port is called as one; unique by hash. */
export function bondPort(project: string, network: string): string {
  return `pslb${createHash('sha256').update(`${project}/${network}`).digest('hex').slice(0, 10)}`;
}

export function bondColumns({ bondMode, lacp }: BondProperties): WrittenRow {
  return { bond_mode: bondMode, lacp };
}

const FAST = map({ 'lacp-time': 'fast' });

export function createBond(project: string, id: string, bond: BondProperties): Operation[] {
  const { uplink: port, bridge, members } = bond;
  const row = uuidName('port', port);
  return [
    ...memberRows(project, id, members),
    insert(
      'Port',
      {
        name: port,
        interfaces: set(members.map((nic) => namedUuid(memberRow(nic)))),
        ...bondColumns(bond),
        other_config: FAST,
        external_ids: map({ ...externalIds(project, id), [UPLINK_KEY]: port }),
      },
      { uuidName: row },
    ),
    mutate('Bridge', [['name', '==', bridge]], [['ports', 'insert', set([namedUuid(row)])]]),
  ];
}

/** What becomes of the members. */
export interface MemberChange {
  readonly joining: readonly string[];
  /** UUIDs of rows that go, dead ones among them. */
  readonly leaving: readonly string[];
}

/** @param standing UUIDs of the port's interfaces by name, whether they work or not. */
export function memberChange(
  before: BondProperties,
  after: BondProperties,
  standing: ReadonlyMap<string, string>,
): MemberChange {
  const kept = new Set(after.members.filter((nic) => before.members.includes(nic)));
  return {
    joining: after.members.filter((nic) => !kept.has(nic)),
    leaving: [...standing].flatMap(([nic, row]) => (kept.has(nic) ? [] : [row])),
  };
}

/** Members that go. */
export function letGo({ uplink }: BondProperties, { leaving }: MemberChange): Operation[] {
  return leaving.length === 0
    ? []
    : [mutate('Port', [['name', '==', uplink]], [['interfaces', 'delete', set(leaving.map(uuid))]])];
}

/** Members that come, and how all of them work together. */
export function takeIn(
  project: string,
  id: string,
  bond: BondProperties,
  { joining }: MemberChange,
): Operation[] {
  const named = [['name', '==', bond.uplink]] as const;
  const rows = set(joining.map((nic) => namedUuid(memberRow(nic))));
  return [
    ...memberRows(project, id, joining),
    ...(joining.length === 0 ? [] : [mutate('Port', named, [['interfaces', 'insert', rows]])]),
    update('Port', named, bondColumns(bond)),
    mutate('Port', named, putIntoMap('other_config', FAST)),
  ];
}

function memberRows(project: string, id: string, members: readonly string[]): Operation[] {
  const marks = map(externalIds(project, id));
  return members.map((name) =>
    insert('Interface', { name, external_ids: marks }, { uuidName: memberRow(name) }),
  );
}

function memberRow(nic: string): string {
  return uuidName('interface', nic);
}
