/**
 * Ports of the integration bridge as operations on the host's own database. Pure. The bridge is ovn-controller's; only
 * ports of ours join and leave it. `iface-id` says which logical port one is (ovn-controller(8)).
 */
import { map, namedUuid, set, uuid, uuidName, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import { insert, mutate, type Operation } from '../../../clients/ovsdb/operations.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Expectations } from '../../open-vswitch/commit.js';
import { externalIds, NAMESPACE_KEY } from '../identity.js';
import { propertiesOf } from '../resources.js';
import type { LocalSnapshot } from './snapshot.js';

export interface LocalTransactions {
  /**
   * Ports that are taken out because they come again: a device that leaves and joins within one transaction stays the
   * device it was, and its traffic dead.
   */
  readonly first: readonly Operation[];
  readonly main: readonly Operation[];
  /** What must work after the main one. */
  readonly expected: Expectations;
}

export function isLocal({ kind }: Resource): boolean {
  return kind === 'port' || kind === 'host-port';
}

export function localTransactions(
  project: string,
  changes: readonly Change[],
  bridge: string,
  snapshot: LocalSnapshot,
): LocalTransactions {
  const first: string[] = [];
  const leaving: string[] = [];
  const made: Operation[] = [];
  const joining: string[] = [];
  const interfaces: string[] = [];
  for (const change of changes) {
    const subject = subjectOf(change);
    if (!isLocal(subject)) continue;
    const standing = snapshot.ports.get(subject.id);
    if (change.action === 'delete') {
      if (standing !== undefined) leaving.push(standing.uuid);
      continue;
    }
    const { device } = deviceOf(subject);
    interfaces.push(device);
    if (change.action === 'update') continue;
    if (standing !== undefined) first.push(standing.uuid);
    const rows = portRows(project, subject);
    made.push(...rows.operations);
    joining.push(rows.name);
  }
  const letGo = (rows: readonly string[]) => leave(snapshot, rows);
  return {
    first: letGo(first),
    main: [
      ...letGo(leaving),
      ...made,
      ...(joining.length === 0
        ? []
        : [mutate('Bridge', [['name', '==', bridge]], [['ports', 'insert', set(joining.map(namedUuid))]])]),
    ],
    expected: { bridges: [], interfaces },
  };
}

function leave(snapshot: LocalSnapshot, rows: readonly string[]): Operation[] {
  const byBridge = new Map<string, string[]>();
  for (const row of rows) {
    const bridge = snapshot.bridgeOf(row);
    if (bridge !== undefined) byBridge.set(bridge, [...(byBridge.get(bridge) ?? []), row]);
  }
  return [...byBridge].map(([bridge, ports]) =>
    mutate('Bridge', [['name', '==', bridge]], [['ports', 'delete', set(ports.map(uuid))]]),
  );
}

function deviceOf(resource: Resource): { readonly device: string; readonly logicalPort: string } {
  return resource.kind === 'port' ? propertiesOf(resource, 'port') : propertiesOf(resource, 'host-port');
}

function portRows(project: string, resource: Resource): { operations: Operation[]; name: string } {
  const { device, logicalPort } = deviceOf(resource);
  const namespace = resource.kind === 'port' ? propertiesOf(resource, 'port').namespace : null;
  const marks = { ...externalIds(project, resource.id), [NAMESPACE_KEY]: namespace ?? undefined };
  const [interfaceName, portName] = [uuidName('interface', device), uuidName('port', device)];
  return {
    name: portName,
    operations: [
      insert(
        'Interface',
        {
          name: device,
          ...interfaceColumns(resource, namespace),
          external_ids: map({ ...marks, 'iface-id': logicalPort }),
        },
        { uuidName: interfaceName },
      ),
      insert(
        'Port',
        { name: device, interfaces: namedUuid(interfaceName), external_ids: map(marks) },
        { uuidName: portName },
      ),
    ],
  };
}

function interfaceColumns(resource: Resource, namespace: string | null): WrittenRow {
  if (resource.kind === 'host-port') {
    const { mac, mtuBytes } = propertiesOf(resource, 'host-port');
    return { type: 'internal', mac, mtu_request: mtuBytes };
  }
  return namespace === null ? {} : { type: 'internal' };
}
