/**
 * Mirrors (SPAN): a port of the bridge that is sent a copy of what others carry, both ways. Pure.
 *
 * What the copy shows is what the switch makes of a frame: with the VLAN that it is in, also where the machine sends it
 * untagged, and before the flows that may refuse it. A port that is a mirror's output carries nothing else. Two things are
 * mirrors: the key `mirror` of the file, whose output is a NIC of a machine, and a capture, whose output is a device of
 * its own for as long as it runs. A mirror refers to ports by their rows, so a port that is made anew is entered again.
 */
import { type Row, flagOf, setOf, textOf } from '../../../clients/ovsdb/datum.js';
import { map, namedUuid, set, uuid, uuidName, type WrittenRow } from '../../../clients/ovsdb/notation.js';
import { byUuid, insert, mutate, type Operation } from '../../../clients/ovsdb/operations.js';
import type { Change, Resource } from '../../../plan/resource.js';
import type { Network, Nic } from '../../../topology/topology.js';
import { externalIds, resourceId } from '../identity.js';
import { networkOptions, nicOptions } from '../options.js';
import { makeResource, type MirrorProperties, propertiesOf } from '../resources.js';
import { nameOf } from '../../open-vswitch/owner.js';

/** @param nics of the network. A target that is none of them has been refused before. */
export function desireMirrors(network: Network, nics: readonly Nic[]): Resource[] {
  const wishes = [
    { of: network, name: network.name, to: networkOptions(network).mirror, sources: [] },
    ...nics.map((nic) => ({ of: nic, name: nic.id, to: nicOptions(nic).mirror, sources: [nic] })),
  ];
  return wishes.flatMap(({ of, name, to, sources }) => {
    const output = to === undefined ? undefined : nics.find(({ id }) => id === to);
    if (output === undefined) return [];
    return [
      makeResource(
        'mirror',
        name,
        {
          bridge: network.interfaceName,
          sources: sources.map(({ interfaceName }) => interfaceName),
          output: output.interfaceName,
        },
        {
          needs: [
            resourceId('bridge', network.name),
            ...[output, ...sources].map(({ id }) => resourceId('port', id)),
          ],
          affects: [output.machine],
          reason: `${output.id} sees what ${name} carries`,
          source: of.source,
        },
      ),
    ];
  });
}

/** @param mirrors rows of ours by the id of their resource. @param deviceOf name of a port of ours by its row. */
export function observedMirrors(
  mirrors: ReadonlyMap<string, Row>,
  bridges: readonly Row[],
  deviceOf: (row: string) => string | undefined,
): Resource[] {
  return [...mirrors].flatMap(([id, row]): Resource[] => {
    if (!id.startsWith(resourceId('mirror', ''))) return [];
    const bridge = bridges.find((each) => setOf(each, 'mirrors').includes(textOf(row, '_uuid') ?? ''));
    const devices = (column: string) =>
      setOf(row, column).flatMap((each) => deviceOf(String(each)) ?? 'a port that is not ours');
    const sources = flagOf(row, 'select_all') ? [] : devices('select_src_port').sort();
    return [
      makeResource(
        'mirror',
        nameOf(id),
        {
          bridge: (bridge && textOf(bridge, 'name')) ?? '',
          // A mirror of no port at all is what is left when its ports went.
          sources: sources.length === 0 && !flagOf(row, 'select_all') ? ['none'] : sources,
          output: devices('output_port')[0] ?? '',
        },
        { needs: bridge === undefined ? [] : [resourceId('bridge', nameOf(id).split('/')[0] ?? '')] },
      ),
    ];
  });
}

/** Refers to a port: by its row, or by the name that the same transaction gives it. */
export type PortReference = (device: string) => ReturnType<typeof uuid>;

export function mirrorColumns({ sources, output }: MirrorProperties, port: PortReference): WrittenRow {
  return {
    select_all: sources.length === 0,
    select_src_port: set(sources.map(port)),
    select_dst_port: set(sources.map(port)),
    output_port: port(output),
  };
}

export function createMirror(
  project: string,
  id: string,
  mirror: MirrorProperties,
  port: PortReference,
): Operation[] {
  const row = uuidName('mirror', id);
  const columns = {
    name: nameOf(id),
    ...mirrorColumns(mirror, port),
    external_ids: map(externalIds(project, id)),
  };
  return [
    insert('Mirror', columns, { uuidName: row }),
    mutate('Bridge', [['name', '==', mirror.bridge]], [['mirrors', 'insert', set([namedUuid(row)])]]),
  ];
}

/** A row that no bridge refers to goes by itself. */
export function deleteMirror(bridge: string, row: string): Operation[] {
  return [mutate('Bridge', [['name', '==', bridge]], [['mirrors', 'delete', set([uuid(row)])]])];
}

const REFERRING = ['select_src_port', 'select_dst_port', 'output_port'] as const;

/** Enters a port that is made anew where its forerunner stood. @param mirrors those of ours that stand. */
export function reenter(device: string, forerunner: string, mirrors: Iterable<Row>): Operation[] {
  const port = set([namedUuid(uuidName('port', device))]);
  return [...mirrors].flatMap((row) =>
    REFERRING.filter((column) => setOf(row, column).includes(forerunner)).map((column) =>
      mutate('Mirror', byUuid(textOf(row, '_uuid') ?? ''), [[column, 'insert', port]]),
    ),
  );
}

/** As a person types it. */
export function mirrorCommands(project: string, change: Change): string[] {
  const gone = change.action === 'create' ? [] : [removalCommand(change.before)];
  if (change.action === 'delete') return gone;
  const { bridge, sources, output } = propertiesOf(change.after, 'mirror');
  const found = [output, ...sources].map((device, index) => `-- --id=@port${index} get Port ${device}`);
  const selected = sources.map((_, index) => `@port${index + 1}`).join(',');
  const marks = Object.entries(externalIds(project, change.after.id)).map(
    ([key, value]) => `external_ids:${key}=${value}`,
  );
  const create = [
    'ovs-vsctl',
    ...found,
    `-- --id=@mirror create Mirror name=${nameOf(change.after.id)} output_port=@port0`,
    selected === '' ? 'select_all=true' : `select_src_port=${selected} select_dst_port=${selected}`,
    ...marks,
    `-- add Bridge ${bridge} mirrors @mirror`,
  ];
  return [...gone, create.join(' ')];
}

/** What is left of a capture. */
export function captureCommands(before: Resource): string[] {
  const { bridge, device } = propertiesOf(before, 'capture');
  return [
    `ovs-vsctl -- --id=@mirror get Mirror ${nameOf(before.id)} -- remove Bridge ${bridge} mirrors @mirror -- del-port ${bridge} ${device}`,
  ];
}

function removalCommand(before: Resource): string {
  const { bridge } = propertiesOf(before, 'mirror');
  return `ovs-vsctl -- --id=@mirror get Mirror ${nameOf(before.id)} -- remove Bridge ${bridge} mirrors @mirror`;
}
