/**
 * Records of what passes a network, sent to collectors: sFlow 5 (sflow.org), NetFlow 5, IPFIX (RFC 7011). Each is a row
 * that the bridge refers to. A row of somebody else's on our bridge is not ours to touch. Pure.
 */
import { numberOf, type Row, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import { map, namedUuid, set, uuidName, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import { insert, type Operation, update } from '../../../clients/ovsdb/operations.js';
import type { Change, Resource } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import { externalIds, resourceId } from '../identity.js';
import { networkOptions } from '../options.js';
import { type ExportProperties, makeResource, propertiesOf } from '../resources.js';
import { nameOf } from '../../open-vswitch/owner.js';

type Protocol = ExportProperties['protocol'];

/** Protocol, which is also the column of the bridge -> table of OVSDB. */
const TABLES = { sflow: 'sFlow', netflow: 'NetFlow', ipfix: 'IPFIX' } as const satisfies Record<
  Protocol,
  string
>;
const EXPORT_PROTOCOLS = Object.keys(TABLES) as readonly Protocol[];
/** One of so many packets is looked at; NetFlow knows no such thing and looks at all. */
const DEFAULT_SAMPLING = 64;

export function desireExports(network: Network): Resource[] {
  const options = networkOptions(network);
  return EXPORT_PROTOCOLS.flatMap((protocol): Resource[] => {
    const target = options[protocol];
    if (target === undefined) return [];
    const sampling = protocol === 'netflow' ? null : (options.sampling ?? DEFAULT_SAMPLING);
    return [
      makeResource(
        'export',
        `${network.name}/${protocol}`,
        { bridge: network.interfaceName, protocol, target, sampling },
        {
          needs: [resourceId('bridge', network.name)],
          reason: `${TABLES[protocol]} records of ${network.name} go to ${target}`,
          source: network.source,
        },
      ),
    ];
  });
}

/** @param rows of ours, by the id of their resource. @param bridges of ours. */
export function observedExports(rows: ReadonlyMap<string, Row>, bridges: readonly Row[]): Resource[] {
  return [...rows].flatMap(([id, row]): Resource[] => {
    const protocol = EXPORT_PROTOCOLS.find((each) => id.endsWith(`/${each}`));
    if (protocol === undefined) return [];
    const bridge = bridges.find((each) => setOf(each, protocol).includes(textOf(row, '_uuid') ?? ''));
    return [
      makeResource(
        'export',
        nameOf(id),
        {
          bridge: (bridge && textOf(bridge, 'name')) ?? '',
          protocol,
          target: setOf(row, 'targets').map(String).sort().join(' '),
          sampling: protocol === 'netflow' ? null : (numberOf(row, 'sampling') ?? null),
        },
        { needs: [resourceId('bridge', nameOf(id).split('/')[0] ?? '')] },
      ),
    ];
  });
}

/** A row that is no longer referred to goes by itself. */
export function exportOperations(project: string, change: Change): Operation[] {
  if (change.action === 'delete') {
    const { bridge, protocol } = propertiesOf(change.before, 'export');
    return [update('Bridge', [['name', '==', bridge]], { [protocol]: set([]) })];
  }
  const { bridge, protocol, target, sampling } = propertiesOf(change.after, 'export');
  const row = uuidName(protocol, bridge);
  const columns: WrittenRow = {
    targets: set([target]),
    ...(sampling !== null && { sampling }),
    external_ids: map(externalIds(project, change.after.id)),
  };
  return [
    insert(TABLES[protocol], columns, { uuidName: row }),
    update('Bridge', [['name', '==', bridge]], { [protocol]: namedUuid(row) }),
  ];
}

/** As a person types it. */
export function exportCommand(project: string, change: Change): string {
  if (change.action === 'delete') {
    const { bridge, protocol } = propertiesOf(change.before, 'export');
    return `ovs-vsctl clear Bridge ${bridge} ${protocol}`;
  }
  const { bridge, protocol, target, sampling } = propertiesOf(change.after, 'export');
  const marks = Object.entries(externalIds(project, change.after.id)).map(
    ([key, value]) => `external_ids:${key}=${value}`,
  );
  const words = [
    `targets='"${target}"'`,
    ...(sampling === null ? [] : [`sampling=${sampling}`]),
    ...marks,
  ].join(' ');
  return `ovs-vsctl -- --id=@records create ${TABLES[protocol]} ${words} -- set Bridge ${bridge} ${protocol}=@records`;
}
