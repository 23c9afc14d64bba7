/** What the host's own database holds of a project of this engine, read in one transaction. */
import type { OvsdbDatabase } from '../../../clients/ovsdb/database.js';
import { mapOf, readRow, type Row, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import { map } from '../../../clients/ovsdb/notation.js';
import { select, type Where } from '../../../clients/ovsdb/operations.js';
import { tableOf } from '../../../clients/ovsdb/schema.js';
import { NAMESPACE_KEY, PROJECT_KEY, PROVIDER, RESOURCE_KEY } from '../identity.js';
import { type Chassis, chassisOf, LOCAL_NEEDS } from '../host.js';

export interface LocalPort {
  readonly uuid: string;
  readonly device: string;
  readonly interface: Row | undefined;
  /** The namespace that the port's device lives in, by its mark. */
  readonly namespace: string | null;
}

export interface LocalSnapshot {
  readonly global: Row;
  /** `undefined` when the host takes no part in OVN. */
  readonly chassis: Chassis | undefined;
  /** By id of the resource. */
  readonly ports: ReadonlyMap<string, LocalPort>;
  /** All bridges of the host. */
  readonly bridges: readonly Row[];
  /** Name of the bridge that a port is on, by the port's UUID. */
  readonly bridgeOf: (port: string) => string | undefined;
}

export async function readLocal(
  database: OvsdbDatabase,
  project: string,
  signal: AbortSignal,
): Promise<LocalSnapshot> {
  const ours: Where = [['external_ids', 'includes', map({ [PROJECT_KEY]: project })]];
  const wanted = [
    ['Open_vSwitch', [], LOCAL_NEEDS.Open_vSwitch],
    ['Bridge', [], LOCAL_NEEDS.Bridge],
    ['Port', ours, LOCAL_NEEDS.Port],
    ['Interface', ours, LOCAL_NEEDS.Interface],
  ] as const;
  const results = await database.transact(
    wanted.map(([table, where, columns]) => select(table, where, ['_uuid', ...columns])),
    signal,
  );
  const [globals = [], bridges = [], ports = [], interfaces = []] = wanted.map(([table], index) =>
    (results[index]?.rows ?? []).map((row) => readRow(row, tableOf(database.schema, table))),
  );
  const interfaceByUuid = new Map(interfaces.map((row) => [textOf(row, '_uuid') ?? '', row]));
  const bridgeOfPort = new Map(
    bridges.flatMap((row) => setOf(row, 'ports').map((port) => [String(port), textOf(row, 'name') ?? ''])),
  );
  const global = globals[0] ?? new Map();
  return {
    global,
    chassis: chassisOf(global),
    bridges,
    bridgeOf: (port) => bridgeOfPort.get(port),
    ports: new Map(
      ports.map((port): [string, LocalPort] => {
        const ids = mapOf(port, 'external_ids');
        const namespace = ids.get(NAMESPACE_KEY);
        return [
          `${PROVIDER}/${String(ids.get(RESOURCE_KEY) ?? '')}`,
          {
            uuid: textOf(port, '_uuid') ?? '',
            device: textOf(port, 'name') ?? '',
            interface: interfaceByUuid.get(String(setOf(port, 'interfaces')[0] ?? '')),
            namespace: typeof namespace === 'string' ? namespace : null,
          },
        ];
      }),
    ),
  };
}

/** The datapath of the integration bridge; `undefined` when it is not there. */
export function integrationDatapath({ chassis, bridges }: LocalSnapshot): string | undefined {
  const row = bridges.find((each) => textOf(each, 'name') === chassis?.bridge);
  return row === undefined ? undefined : (textOf(row, 'datapath_type') ?? '') || 'system';
}
