import type { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { type Row, mapOf, readRow, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import { map } from '../../../clients/ovsdb/notation.js';
import { select, type Where } from '../../../clients/ovsdb/operations.js';
import { tableOf } from '../../../clients/ovsdb/schema.js';
import { PROJECT_KEY, PROVIDER, RESOURCE_KEY } from '../identity.js';
import { SCHEMA_NEEDS } from './columns.js';
import type { StandingRows } from './rows.js';

/** A port of ours with the rows around it. */
export interface PortRows {
  readonly uuid: string;
  readonly port: Row;
  /** The one of an ordinary port, the first of a bond. */
  readonly interface: Row | undefined;
  readonly interfaces: readonly Row[];
  readonly qos: Row | undefined;
  /** Name of the bridge it is on; empty when that bridge is not ours. */
  readonly bridge: string;
}

/** What OVSDB holds of a project, read in one transaction and so of one moment. Ids are those of resources. */
export interface Snapshot extends StandingRows {
  readonly global: Row;
  readonly bridges: ReadonlyMap<string, Row>;
  readonly ports: ReadonlyMap<string, PortRows>;
  /** By UUID. */
  readonly controllers: ReadonlyMap<string, Row>;
  /** Rows of flow records. */
  readonly exports: ReadonlyMap<string, Row>;
  /** Rows of mirrors, those of captures among them. */
  readonly mirrorsById: ReadonlyMap<string, Row>;
  readonly bridgeId: (device: string) => string | undefined;
}

export async function readSnapshot(
  database: OvsdbDatabase,
  project: string,
  signal: AbortSignal,
  interfaceColumns: readonly string[] = SCHEMA_NEEDS.Interface.filter((column) => column !== 'statistics'),
): Promise<Snapshot> {
  const ours: Where = [['external_ids', 'includes', map({ [PROJECT_KEY]: project })]];
  const wanted = [
    ['Open_vSwitch', [], SCHEMA_NEEDS.Open_vSwitch],
    ['Bridge', ours, SCHEMA_NEEDS.Bridge],
    ['Port', ours, SCHEMA_NEEDS.Port],
    ['Interface', ours, interfaceColumns],
    ['QoS', ours, SCHEMA_NEEDS.QoS],
    ['Controller', [], SCHEMA_NEEDS.Controller],
    ['sFlow', ours, SCHEMA_NEEDS.sFlow],
    ['NetFlow', ours, SCHEMA_NEEDS.NetFlow],
    ['IPFIX', ours, SCHEMA_NEEDS.IPFIX],
    ['Mirror', ours, SCHEMA_NEEDS.Mirror],
  ] as const;
  const results = await database.transact(
    wanted.map(([table, where, columns]) => select(table, where, ['_uuid', ...columns])),
    signal,
  );
  const read = wanted.map(([table], index) =>
    (results[index]?.rows ?? []).map((row) => readRow(row, tableOf(database.schema, table))),
  );
  const [globals = [], bridges = [], ports = [], interfaces = [], qos = [], controllers = []] = read;
  const exports = read.slice(6, 9);
  const mirrors = byResource(read[9] ?? [], (row) => row);
  const interfaceByUuid = byUuid(interfaces);
  const qosByUuid = byUuid(qos);
  const bridgeOfPort = new Map<unknown, string>();
  for (const bridge of bridges)
    for (const port of setOf(bridge, 'ports')) bridgeOfPort.set(port, textOf(bridge, 'name') ?? '');
  const portRows = ports.map((port): PortRows => {
    const itsInterfaces = setOf(port, 'interfaces').flatMap(
      (each) => interfaceByUuid.get(String(each)) ?? [],
    );
    return {
      uuid: textOf(port, '_uuid') ?? '',
      port,
      interface: itsInterfaces[0],
      interfaces: itsInterfaces,
      qos: qosByUuid.get(textOf(port, 'qos') ?? ''),
      bridge: bridgeOfPort.get(textOf(port, '_uuid')) ?? '',
    };
  });
  const portByDevice = new Map(portRows.map((rows) => [textOf(rows.port, 'name'), rows]));
  const bridgeByDevice = new Map(bridges.map((row) => [textOf(row, 'name'), row]));
  const bridgesById = byResource(bridges, (row) => row);
  const bridgeIds = new Map([...bridgesById].map(([id, row]) => [textOf(row, 'name'), id]));
  return {
    global: globals[0] ?? new Map(),
    bridges: bridgesById,
    bridgeId: (device) => bridgeIds.get(device),
    ports: byResource(portRows, (rows) => rows.port),
    controllers: byUuid(controllers),
    exports: byResource(exports.flat(), (row) => row),
    mirrorsById: mirrors,
    mirrors: [...mirrors.values()],
    mirrorUuid: (id) => textOf(mirrors.get(id) ?? new Map(), '_uuid'),
    bridgeUuid: (device) => textOf(bridgeByDevice.get(device) ?? new Map(), '_uuid'),
    portUuid: (device) => portByDevice.get(device)?.uuid,
    memberUuids: (device) =>
      new Map(
        (portByDevice.get(device)?.interfaces ?? []).map((row) => [
          textOf(row, 'name') ?? '',
          textOf(row, '_uuid') ?? '',
        ]),
      ),
    qosUuid: (device) => textOf(portByDevice.get(device)?.port ?? new Map(), 'qos'),
  };
}

function byUuid(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [textOf(row, '_uuid') ?? '', row]));
}

/** By the id of the resource that the row's mark names. */
function byResource<T>(items: readonly T[], rowOf: (item: T) => Row): Map<string, T> {
  return new Map(
    items.flatMap((item): [string, T][] => {
      const name = mapOf(rowOf(item), 'external_ids').get(RESOURCE_KEY);
      return typeof name === 'string' ? [[`${PROVIDER}/${name}`, item]] : [];
    }),
  );
}
